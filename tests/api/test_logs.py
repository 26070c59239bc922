"""Log lines: shape, correlation, no secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from engine import logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_level_and_time(lines: io.StringIO) -> None:
    structlog.get_logger("engine.points").info("connected", identity="CP1")
    structlog.get_logger("engine.points").debug("not shown")
    (line,) = read(lines)
    assert (line["event"], line["level"], line["identity"]) == ("connected", "info", "CP1")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_errors_carry_their_traceback_but_no_variables(lines: io.StringIO, log_format: str) -> None:
    stream = io.StringIO()
    logs.configure(log_format, "info", stream)
    settings = {"manage_token": "hunter22"}
    try:
        settings["nothing"]
    except KeyError:
        structlog.get_logger().exception("failed")
        logging.getLogger("quart").exception("failed too")
    assert stream.getvalue().count("test_logs.py") == 2
    assert "hunter22" not in stream.getvalue()


def test_libraries_come_out_in_the_same_shape_and_only_warnings(lines: io.StringIO) -> None:
    logging.getLogger("asyncio").info("Running on …")
    logging.getLogger("asyncio").warning("odd %s", "thing")
    (line,) = read(lines)
    assert (line["event"], line["level"]) == ("odd thing", "warning")


def test_console_lines_are_for_people(lines: io.StringIO) -> None:
    stream = io.StringIO()
    logs.configure("console", "info", stream)
    structlog.get_logger().info("connected", identity="CP1", password="x" * 20)
    assert "connected" in stream.getvalue()
    assert "x" * 20 not in stream.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hunter22"},
        {"headers": {"Authorization": "hunter22"}},
        {"details": [{"manage_token": "hunter22"}]},
        {"frame": "Authorization: Basic hunter22"},
        {"header": "Bearer hunter22"},
        {"database": "postgresql://voltrio:hunter22@db/voltrio"},
        {"name": "WifiPSK", "value": "hunter22"},
    ],
)
def test_secrets_are_hidden_by_name_and_by_look(lines: io.StringIO, value: dict[str, Any]) -> None:
    structlog.get_logger().info("event", **value)
    assert "hunter22" not in lines.getvalue()
    assert "***" in lines.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_hide_them_too(lines: io.StringIO, log_format: str) -> None:
    stream = io.StringIO()
    logs.configure(log_format, "info", stream)
    address = "postgresql://voltrio:hunter22@db/voltrio"
    try:
        raise OSError(f"cannot reach {address}", "x" * 20_000)
    except OSError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed too")
    assert "hunter22@" not in stream.getvalue()
    assert stream.getvalue().count("cannot reach postgresql://***@db/voltrio") == 2


def test_what_is_no_secret_stays(lines: io.StringIO) -> None:
    structlog.get_logger().info("event", token_id=7, id_tag="04A2", has_password=True, url="http://host/path")
    (line,) = read(lines)
    assert (line["token_id"], line["id_tag"], line["has_password"], line["url"]) == (
        7,
        "04A2",
        True,
        "http://host/path",
    )
