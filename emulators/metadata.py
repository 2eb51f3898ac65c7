"""The metadata server of each workload: project, service account, access and identity tokens.

Each service account has a port of its own, so the port called says who calls.
Source: https://cloud.google.com/run/docs/container-contract#metadata-server
"""

from collections.abc import Mapping

from aiohttp import web

from emulators.graph import Graph
from emulators.oidc import LIFETIME_S, Issuer

ACCESS_AUDIENCE = "https://www.googleapis.com/"
"""Real access tokens are opaque; ours are ID tokens made out to this audience."""

_HEADERS = {"Metadata-Flavor": "Google", "Server": "Metadata Server for Serverless"}


def metadata_app(graph: Graph, issuer: Issuer, emails: Mapping[int, str]) -> web.Application:
    """`emails` maps each listening port to the service account that it stands for."""

    def email_of(request: web.Request) -> str:
        assert request.transport is not None
        email = emails[request.transport.get_extra_info("sockname")[1]]
        if request.match_info.get("who", "default") not in ("default", email):
            raise web.HTTPNotFound(text="no such account here")
        return email

    @web.middleware
    async def flavor(request: web.Request, handler):
        if request.path != "/" and request.headers.get("Metadata-Flavor") != "Google":
            return web.Response(status=403, text="Missing Metadata-Flavor:Google header.")
        response = await handler(request)
        response.headers.update(_HEADERS)
        return response

    async def root(_request: web.Request) -> web.Response:
        return web.Response(text="computeMetadata/\n")

    async def project_id(_request: web.Request) -> web.Response:
        return web.Response(text=graph.project)

    async def project_number(_request: web.Request) -> web.Response:
        return web.Response(text=graph.project_number)

    async def region(_request: web.Request) -> web.Response:
        return web.Response(text=f"projects/{graph.project_number}/regions/{graph.region}")

    async def account(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "aliases": ["default"],
                "email": email_of(request),
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }
        )

    async def email(request: web.Request) -> web.Response:
        return web.Response(text=email_of(request))

    async def access_token(request: web.Request) -> web.Response:
        token = issuer.token(email_of(request), ACCESS_AUDIENCE)
        return web.json_response(
            {"access_token": token, "expires_in": LIFETIME_S, "token_type": "Bearer"}
        )

    async def identity(request: web.Request) -> web.Response:
        audience = request.query.get("audience")
        if not audience:
            return web.Response(status=400, text="non-empty audience parameter required")
        return web.Response(text=issuer.token(email_of(request), audience))

    app = web.Application(middlewares=[flavor])
    accounts = "/computeMetadata/v1/instance/service-accounts/{who}"
    app.add_routes(
        [
            web.get("/", root),
            web.get("/computeMetadata/v1/project/project-id", project_id),
            web.get("/computeMetadata/v1/project/numeric-project-id", project_number),
            web.get("/computeMetadata/v1/instance/region", region),
            web.get(f"{accounts}/", account),
            web.get(f"{accounts}/email", email),
            web.get(f"{accounts}/token", access_token),
            web.get(f"{accounts}/identity", identity),
        ]
    )
    return app
