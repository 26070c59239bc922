"""The admin API's document: it has every operation, and what is answered is what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from api.admin import MODULES, admin_site
from api.kernel.router import template
from engine.node import Node

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def document(admin: httpx.AsyncClient) -> dict[str, Any]:
    answer = await admin.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_it_has_every_operation(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    there = {(method, path) for path, item in document["paths"].items() for method in item}
    assert there == {
        (route.method.lower(), "/admin-api/v1" + template(route.rule))
        for module in MODULES
        for route in module.ROUTES
    }
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            assert operation["summary"], (method, path)
            named = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
            assert named == re.findall(r"{(\w+)}", path)


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for target in references(document):
        assert target.removeprefix("#/components/schemas/") in schemas


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


async def test_filters_stand_in_it_with_their_words(document: dict[str, Any]) -> None:
    parameters = {one["name"]: one for one in document["paths"]["/admin-api/v1/id-tags"]["get"]["parameters"]}
    assert {"limit", "cursor", "page", "status", "issuer"} <= set(parameters)
    assert (parameters["status"]["style"], parameters["status"]["explode"]) == ("form", False)
    assert "suspended" in json.dumps(parameters["status"]["schema"])


@pytest.mark.parametrize(
    "path",
    ["/id-tags", "/id-tags/T1", "/tokens", "/messages", "/security-events", "/audit", "/stations",
     "/sessions", "/stations/CP1", "/stations/CP1/messages", "/id-tags?limit=0", "/id-tags?page=1",
     "/id-tags/none"],
)  # fmt: skip
async def test_what_is_answered_is_what_it_says(
    admin: httpx.AsyncClient, node: Node, connect: Any, document: dict[str, Any], path: str
) -> None:
    await admin.post("/id-tags", json={"uid": "T1", "expireAt": "2030-01-01T00:00:00Z"})
    await connect("CP1")
    await node.store.journal.flush(behind=True)
    answer = await admin.get(path)
    rule = (
        re.sub(r"\?.*", "", path).replace("CP1", "{identity}").replace("T1", "{uid}").replace("none", "{uid}")
    )
    operation = document["paths"]["/admin-api/v1" + rule]["get"]
    schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(answer.json())


async def test_the_page_and_its_files_are_served_from_here(node: Node, ask: Any) -> None:
    anybody = ask(admin_site(node))
    page = await anybody.get("/admin-api/v1/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "http" not in re.sub("<!doctype.*?>", "", page.text)  # nothing from elsewhere
    files = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(files) == 3
    for name in files:
        answer = await anybody.get(f"/admin-api/v1/{name}")
        assert (answer.status_code, len(answer.content) > 0) == (200, True), name
        assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"].partition("script-src")[2][:8]
    assert (await anybody.get("/admin-api/v1/docs/passwd")).status_code == 404
    assert (await anybody.get("/admin-api/v1/openapi.json")).status_code == 200
