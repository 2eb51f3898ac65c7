"""A small graph made by hand: one service, one job, two accounts, archives of a few lines."""

from typing import Any

from emulators.graph import Graph, Resource

PROJECT, NUMBER, REGION = "tiny", "42", "europe-west1"
PARENT = f"projects/{PROJECT}/locations/{REGION}"

SERVICE_CODE = """
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"revision": os.environ["K_REVISION"], "colour": os.environ["COLOUR"]})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass

if os.environ["COLOUR"] == "broken":
    raise SystemExit(1)
server = http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
server.serve_forever()
"""
JOB_CODE = """
import os, sys, time

print("object", os.environ.get("OBJECT"), "secret", os.environ["SECRET"], flush=True)
print("execution", os.environ["CLOUD_RUN_EXECUTION"], flush=True)
time.sleep(float(os.environ.get("SLEEP", "0")))
sys.exit(int(os.environ.get("EXIT", "0")))
"""


def email(name: str) -> str:
    return f"{name}@{PROJECT}.iam.gserviceaccount.com"


def resource(type_: str, name: str, /, **properties: Any) -> Resource:
    return Resource(f"urn:{type_}::{name}", type_, name, properties)


def account(name: str) -> Resource:
    address = email(name)
    return resource(
        "gcp:serviceaccount/account:Account",
        name,
        email=address,
        member=f"serviceAccount:{address}",
    )


def archive(name: str, **files: str) -> Resource:
    """`main_py` names the file main.py."""
    return resource(
        "gcp:storage/bucketObject:BucketObject",
        f"{name}-source",
        bucket="source",
        name=f"{name}-0123456789abcdef.zip",
        source={"files": {key.replace("_py", ".py"): {"text": files[key]} for key in files}},
    )


def image(name: str) -> Resource:
    return resource(
        "pulumi-python:dynamic/segue:ContainerImage",
        name,
        reference=f"image/{name}@sha256:0",
        object=f"{name}-0123456789abcdef.zip",
    )


def container(name: str, *envs: dict[str, Any]) -> dict[str, Any]:
    return {"image": f"image/{name}@sha256:0", "envs": list(envs)}


def tiny_graph(*more: Resource) -> Graph:
    """The service `page`, the job `sweep`; `runner` may run the job, `nobody` nothing."""
    secret = {"name": "SECRET", "valueSource": {"secretKeyRef": {"secret": "word"}}}
    resources = (
        *(account(name) for name in ("page", "sweep", "runner", "nobody")),
        archive("page", main_py=SERVICE_CODE),
        image("page"),
        archive("sweep", main_py=JOB_CODE),
        image("sweep"),
        resource(
            "gcp:cloudrunv2/service:Service",
            "page",
            name="page",
            location=REGION,
            uri=f"https://page-{NUMBER}.{REGION}.run.app",
            template={
                "serviceAccount": email("page"),
                "timeout": "60s",
                "containers": [container("page", {"name": "COLOUR", "value": "red"})],
            },
        ),
        resource(
            "gcp:cloudrunv2/job:Job",
            "sweep",
            name="sweep",
            location=REGION,
            template={
                "template": {
                    "serviceAccount": email("sweep"),
                    "timeout": "30s",
                    "maxRetries": 1,
                    "containers": [container("sweep", secret)],
                }
            },
        ),
        resource(
            "gcp:secretmanager/secretVersion:SecretVersion",
            "word",
            secret=f"projects/{PROJECT}/secrets/word",
            secretData="sesame",
        ),
        resource(
            "gcp:secretmanager/secretIamMember:SecretIamMember",
            "sweep-reads-word",
            member=f"serviceAccount:{email('sweep')}",
            role="roles/secretmanager.secretAccessor",
            secretId="word",
        ),
        resource(
            "gcp:cloudrunv2/jobIamMember:JobIamMember",
            "runner-runs-sweep",
            member=f"serviceAccount:{email('runner')}",
            role="roles/run.jobsExecutorWithOverrides",
            name="sweep",
        ),
        *more,
    )
    ordered = tuple(sorted(resources, key=lambda it: it.urn))
    return Graph("dev", PROJECT, NUMBER, REGION, ordered)
