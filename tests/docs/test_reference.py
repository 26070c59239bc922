"""What the program declares, its reference names: a route, metric, action or code more is a failing test."""

import re
from inspect import getsource
from pathlib import Path

import pytest

from api import health
from api.admin import MODULES, PREFIX
from api.kernel.operations import Route
from api.manage import certificates, partners
from api.manage import stations as manage_stations
from api.manage import tokens as manage_tokens
from engine import run
from engine.domain.session.review import Review
from engine.metrics import Histogram, Metrics, Tally
from engine.ocpp import mending, policy, quirks, rpc
from engine.ocpp.v16 import PROTOCOL
from engine.points import listener, registry
from engine.store import behind, journal, nodes, reader
from engine.store.lookups import numbers
from tools.reference import __main__ as reference

ADMIN = [route for module in MODULES for route in module.ROUTES]
MANAGE = [
    route for module in (manage_stations, manage_tokens, certificates, partners) for route in module.ROUTES
]
GAUGE = re.compile(r'"(voltrio_\w+)"')


@pytest.mark.parametrize("name", reference.GENERATED)
def test_generated_pages_are_fresh(docs: Path, name: str) -> None:
    assert (docs / "reference" / name).read_text("utf-8") == reference.GENERATED[name]()


def test_a_stale_page_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "PAGES", tmp_path)
    assert reference.main(["--check"]) == len(reference.GENERATED)
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    (tmp_path / "cli.md").write_text("old")
    assert reference.main(["--check"]) == 1


def spelt(route: Route) -> str:
    """`GET /sessions/<int(max=9):session_id>` as a page has it."""
    return f"`{route.method} {re.sub(r'<[^<>]*:', '<', route.rule)}`"


@pytest.mark.parametrize("route", ADMIN, ids=spelt)
def test_every_admin_route_is_described(docs: Path, route: Route) -> None:
    page = (docs / "reference" / "admin-api.md").read_text("utf-8")
    assert spelt(route) in page
    assert PREFIX in page


@pytest.mark.parametrize("route", [*health.HEALTH, *health.METRICS], ids=spelt)
def test_health_and_metrics_are_described(docs: Path, route: Route) -> None:
    assert spelt(route) in (docs / "reference" / "admin-api.md").read_text("utf-8")


@pytest.mark.parametrize("route", MANAGE, ids=spelt)
def test_every_management_operation_is_described(docs: Path, route: Route) -> None:
    assert spelt(route) in (docs / "reference" / "management-api.md").read_text("utf-8")


def test_no_route_is_described_that_does_not_exist(docs: Path) -> None:
    routes = {
        "admin-api.md": {*map(spelt, [*ADMIN, *health.HEALTH, *health.METRICS])},
        "management-api.md": {*map(spelt, MANAGE)},
    }
    for name, existing in routes.items():
        page = (docs / "reference" / name).read_text("utf-8")
        assert set(re.findall(r"^\| (`(?:GET|POST|PUT|PATCH|DELETE) [^`]*`)", page, re.MULTILINE)) <= existing


def names_of_metrics() -> set[str]:
    values = vars(Metrics()).values()
    counted = {f"{value.name}_total" for value in values if isinstance(value, Tally)}
    timed = {value.name for value in values if isinstance(value, Histogram)}
    modules = (registry, listener, behind, journal, nodes, reader, health, run)
    gauges = {name for module in modules for name in GAUGE.findall(getsource(module))}
    gauges |= {family.name for family in Metrics().collect() if family.type == "gauge"}
    return counted | timed | gauges - {numbers.SESSION_IDS, numbers.ROW_IDS}


def test_exactly_the_metrics_there_are_are_described(docs: Path) -> None:
    page = (docs / "reference" / "metrics.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(voltrio_\w+)`", page, re.MULTILINE)) == names_of_metrics()


@pytest.mark.parametrize(
    ("section", "actions"),
    [("## From the charge point", PROTOCOL.inbound), ("## To the charge point", PROTOCOL.outbound)],
)
def test_exactly_the_actions_of_ocpp_1_6_are_described(
    docs: Path, section: str, actions: dict[str, object]
) -> None:
    page = (docs / "reference" / "ocpp-1.6.md").read_text("utf-8")
    part = page.partition(section)[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", part, re.MULTILINE) == sorted(actions)


def test_early_messages_and_handlers_are_as_described(docs: Path) -> None:
    page = (docs / "reference" / "ocpp-1.6.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (●?) ?\|", page, re.MULTILINE)
    described = {action: (block, bool(early)) for action, block, early in rows}
    assert described == {
        action: (handler.step.__module__.split(".")[3], handler.before_boot)  # its block
        for action, handler in PROTOCOL.inbound.items()
    }


def test_the_codes_of_violations_are_as_described(docs: Path) -> None:
    page = (docs / "reference" / "errors.md").read_text("utf-8")
    rows = re.findall(r"^\|[^|]*\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", page, re.MULTILINE)
    assert {keyword: (old, new) for keyword, old, new in rows} == {
        keyword: (
            rpc.spelt(policy.FAULTS_16[keyword], "ocpp1.6"),
            rpc.spelt(policy.FAULTS_2X[keyword], "ocpp2.0.1"),
        )
        for keyword in policy.WORDS
    }


def test_every_repair_is_described(docs: Path) -> None:
    page = (docs / "explanation" / "policy.md").read_text("utf-8")
    noted = set(re.findall(r'(?:note\(|_keep\(|rule = )"([\w-]+)"', getsource(policy)))
    rules = noted | {rule for repairs in mending.REPAIRS.values() for rule, _ in repairs}
    assert [rule for rule in sorted(rules) if f"`{rule}`" not in page] == []
    assert quirks.__name__.replace(".", "/") in page


def test_every_reason_for_review_is_described(docs: Path) -> None:
    page = (docs / "explanation" / "sessions.md").read_text("utf-8")
    section = page.partition("## Held for review")[2]
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == {code.value for code in Review}


def test_news_are_one_sentence_each(docs: Path) -> None:
    fragments = [path for path in (docs / "news").iterdir() if path.name != "README.md"]
    for path in fragments:
        assert re.fullmatch(r"\d{4}\.(feature|change|fix)\.md", path.name), path.name
        assert re.fullmatch(r"[^\n]*\.\n", path.read_text("utf-8")), path.name
