"""The OpenAPI document of an API, and a page to browse it: Swagger UI, whose files are served from here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from werkzeug.exceptions import NotFound

from api.http.message import Response
from api.kernel import openapi
from api.kernel.operations import ENCODER, JSON, Operation, Route
from engine.node import Node

FILES: Final = {  # all that the page needs
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "begin.js": b"text/javascript; charset=utf-8",
}
BEGIN: Final = b"""SwaggerUIBundle({url: "openapi.json", dom_id: "#page", deepLinking: true});\n"""
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="page"></div><script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/begin.js"></script></body></html>
"""
# It draws its icons from data: addresses and styles them in place; nothing comes from elsewhere.
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def routes(title: str, version: str, operations: Sequence[Operation]) -> Sequence[Route]:
    """`/openapi.json`, and `/docs` for browsers."""

    @cache
    def encoded() -> bytes:
        return ENCODER.encode(openapi.document(title, version, operations))

    async def described(node: Node) -> Response:
        """What this API can do, as OpenAPI 3.1 describes it."""
        return Response(200, encoded(), (JSON,))

    async def page(node: Node) -> Response:
        """A page to browse it."""
        html = (b"content-type", b"text/html; charset=utf-8")
        body = PAGE.format(title=title).encode()
        return Response(200, body, (html, (b"content-security-policy", POLICY)))

    return (
        Route("GET", "/openapi.json", described),
        Route("GET", "/docs", page),
        Route("GET", "/docs/<name>", file),
    )


async def file(node: Node, name: str) -> Response:
    """A file of the page."""
    if name not in FILES:
        raise NotFound
    headers = ((b"content-type", FILES[name]), (b"cache-control", b"max-age=3600"))
    return Response(200, _content(name), headers)


@cache
def _content(name: str) -> bytes:
    if name == "begin.js":
        return BEGIN
    package = find_spec("flask_swagger_ui")  # of which only the files are used
    assert package is not None  # noqa: S101 - a dependency of ours
    assert package.origin is not None  # noqa: S101
    return (Path(package.origin).parent / "dist" / name).read_bytes()
