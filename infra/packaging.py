"""Source archives: exactly the files that a deployable reaches, named by their content."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import pulumi

from infra.services import Deployable

ROOT = Path(__file__).resolve().parents[1]

_ENTRY = {
    "api": (
        '"""Starts the service."""\n\n'
        "import gc\n\n"
        "# What is made while starting stays: a fifth of the start is looking for garbage in it.\n"
        "gc.disable()\n\n"
        "from functions.{source}.main import create\n"
        "from shared.web.serve import serve\n\n"
        'if __name__ == "__main__":\n    serve(create)\n'
    ),
    "gateway": (
        '"""Starts the service, which brings a server of its own."""\n\n'
        "from functions.{source}.main import main\n\n"
        'if __name__ == "__main__":\n    main()\n'
    ),
    "function": (
        '"""Names the function that the framework calls."""\n\n'
        "from functions.{source}.main import {source}\n\n"
        '__all__ = ["{source}"]\n'
    ),
    "pipeline": (
        '"""Launches the pipeline."""\n\n'
        "from functions.{source}.batch import main\n\n"
        'if __name__ == "__main__":\n    main()\n'
    ),
    "job": (
        '"""Runs the job once."""\n\n'
        "from functions.{source}.job import main\n\n"
        'if __name__ == "__main__":\n    main()\n'
    ),
}

DOCKERFILE = """\
FROM python:3.11-slim
WORKDIR /app
ENV PYTHONUNBUFFERED=1
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN python -m compileall -q . && useradd --system segue
USER segue
CMD ["python", "main.py"]
"""
"""One for all: the archive's `main.py` and `requirements.txt` are what differs."""

PIPELINE_DOCKERFILE = """\
FROM python:3.11-slim
COPY --from=apache/beam_python3.11_sdk:2.77.0 /opt/apache/beam /opt/apache/beam
COPY --from=gcr.io/dataflow-templates-base/python311-template-launcher-base:latest \
    /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
WORKDIR /template
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/template FLEX_TEMPLATE_PYTHON_PY_FILE=/template/main.py
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt "apache-beam[gcp]"
COPY . .
RUN python -m compileall -q . && pip check
ENTRYPOINT ["/opt/apache/beam/boot"]
"""
"""A pipeline's: the same image launches it (Google's launcher) and works on it (Beam's boot).

Source: https://cloud.google.com/dataflow/docs/guides/templates/configuring-flex-templates, "Use a
single image"
"""


@dataclass(frozen=True, slots=True)
class SourceArchive:
    """The files of one deployable by their path in the archive, as absolute path or as text."""

    name: str
    files: tuple[tuple[str, Path], ...]
    texts: tuple[tuple[str, str], ...]

    @property
    def content_hash(self) -> str:
        """SHA-256 over names and bytes, 16 hex digits. It changes when any byte does."""
        digest = hashlib.sha256()
        entries = [(name, path.read_bytes()) for name, path in self.files]
        entries += [(name, text.encode()) for name, text in self.texts]
        for name, data in sorted(entries):
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data)
        return digest.hexdigest()[:16]

    @property
    def object_name(self) -> str:
        return f"{self.name}-{self.content_hash}.zip"

    def assets(self) -> pulumi.AssetArchive:
        contents: dict[str, pulumi.Asset | pulumi.Archive] = {}
        contents.update({name: pulumi.FileAsset(str(path)) for name, path in self.files})
        contents.update({name: pulumi.StringAsset(text) for name, text in self.texts})
        return pulumi.AssetArchive(dict(sorted(contents.items())))


def archive(deployable: Deployable, root: Path = ROOT) -> SourceArchive:
    """The archive of `deployable`: its folder, `shared/`, its requirements and an entry point."""
    source = deployable.source
    folders = (root / "functions" / source, root / "shared")
    files = [("functions/__init__.py", root / "functions" / "__init__.py")]
    for folder in folders:
        files += [
            (path.relative_to(root).as_posix(), path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and _belongs(path)
        ]
    requirements = root / "functions" / source / deployable.requirements
    texts = [("main.py", _ENTRY[deployable.kind].format(source=source))]
    if deployable.kind != "function":
        pipeline = deployable.kind == "pipeline"
        texts.append(("Dockerfile", PIPELINE_DOCKERFILE if pipeline else DOCKERFILE))
    return SourceArchive(
        deployable.name,
        tuple(sorted([*files, ("requirements.txt", requirements)])),
        tuple(texts),
    )


def _belongs(path: Path) -> bool:
    if "__pycache__" in path.parts or re.fullmatch(r"requirements.*\.txt", path.name):
        return False
    return path.suffix != ".pyc" and not path.name.startswith(".")
