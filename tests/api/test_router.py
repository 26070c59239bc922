"""Where a path leads: spelled-out segments first, then variables of each kind."""

from __future__ import annotations

from typing import Any

import pytest

from api.kernel.router import Router, template, variables

RULES = ("/", "/items", "/items/tail", "/items/<number:item_id>", "/items/<number:item_id>/parts",
         "/cars/<name>", "/cars/<name>/doors", "/cars/all/wheels", "/tags/<text:uid>")  # fmt: skip


@pytest.mark.parametrize(
    ("path", "rule", "given"),
    [
        ("/", "/", {}),
        ("/items", "/items", {}),
        ("/items/", None, {}),
        ("/items/tail", "/items/tail", {}),
        ("/items/7", "/items/<number:item_id>", {"item_id": 7}),
        ("/items/9223372036854775807", "/items/<number:item_id>", {"item_id": 2**63 - 1}),
        ("/items/9223372036854775808", None, {}),
        ("/items/-1", None, {}),
        ("/items/٣", None, {}),
        ("/items/x", None, {}),
        ("/items/7/parts", "/items/<number:item_id>/parts", {"item_id": 7}),
        ("/cars/all", "/cars/<name>", {"name": "all"}),
        ("/cars/all/wheels", "/cars/all/wheels", {}),
        (
            "/cars/all/doors",
            "/cars/<name>/doors",
            {"name": "all"},
        ),  # the way that is spelled out leads nowhere
        ("/cars//doors", None, {}),
        ("/cars", None, {}),
        ("/tags/a", "/tags/<text:uid>", {"uid": "a"}),
        ("/tags//a/b=", "/tags/<text:uid>", {"uid": "/a/b="}),
        ("/tags/", None, {}),
        ("/tags//", "/tags/<text:uid>", {"uid": "/"}),
        ("//items", None, {}),
        ("", None, {}),
    ],
)
def test_paths(path: str, rule: str | None, given: dict[str, Any]) -> None:
    router = Router[str]()
    for one in RULES:
        router.add(one, one)
    assert router.find(path) == (None if rule is None else (rule, given))


def test_a_rule_stands_once() -> None:
    router = Router[str]()
    router.add("/a/<x>", "first")
    with pytest.raises(ValueError, match="two things"):
        router.add("/a/<x>", "second")


def test_rules_as_openapi_writes_them() -> None:
    rule = "/cars/<name>/doors/<number:door>/<text:rest>"
    assert template(rule) == "/cars/{name}/doors/{door}/{rest}"
    assert variables(rule) == {"name": str, "door": int, "rest": str}
