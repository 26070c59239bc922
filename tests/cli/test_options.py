"""Flags from Structs: every setting has one, with its help, and arrives only when it was given."""

from typing import Annotated, Any, Literal

import click
import msgspec
import pytest
from click.testing import CliRunner
from msgspec import Meta

from api.cli.options import given, options_of
from engine.settings import FIELDS, Settings, load


class Sample(msgspec.Struct):
    number: Annotated[int, Meta(ge=1, description="A number.")] = 3
    ratio: Annotated[float, Meta(gt=0)] = 0.5
    name: Annotated[str | None, Meta(description="A name.")] = None
    kind: Literal["a", "b"] = "a"
    quick: bool = False
    words: tuple[str, ...] = ("x",)


@pytest.fixture
def arrived() -> dict[str, Any]:
    return {}


@pytest.fixture
def command(arrived: dict[str, Any]) -> click.Command:
    @click.command()
    @options_of(Sample)
    def command(**options: Any) -> None:
        arrived.update(given(options))

    return command


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["--number", "7"], {"number": 7}),
        (["--ratio", "1.5", "--name", "n"], {"ratio": 1.5, "name": "n"}),
        (["--kind", "b", "--quick"], {"kind": "b", "quick": True}),
        (["--no-quick"], {"quick": False}),
        (["--words", "a", "--words", "b"], {"words": ("a", "b")}),
    ],
)
def test_options_arrive(
    command: click.Command, arrived: dict[str, Any], words: list[str], expected: dict[str, Any]
) -> None:
    assert CliRunner().invoke(command, words, catch_exceptions=False).exit_code == 0
    assert arrived == expected


@pytest.mark.parametrize("words", [["--number", "0"], ["--ratio", "0"], ["--kind", "c"], ["--nmber", "1"]])
def test_wrong_values_are_wrong_usage(command: click.Command, words: list[str]) -> None:
    assert CliRunner().invoke(command, words).exit_code == 2


def test_help_has_descriptions_and_defaults(command: click.Command) -> None:
    text = CliRunner().invoke(command, ["--help"]).output
    assert "A number. [default: 3]" in text
    assert "--quick / --no-quick" in text


def test_every_setting_is_a_flag_of_serve(run: Any) -> None:
    text = run("serve", "--help").output
    assert [name for name in FIELDS if "--" + name.replace("_", "-") not in text] == []


def test_flags_build_settings() -> None:
    arrived: dict[str, Any] = {}

    @click.command()
    @options_of(Settings)
    def command(**options: Any) -> None:
        arrived.update(given(options))

    words = "--ocpp-port 1 --accept-unknown --policy strict --message-log-exclude Heartbeat --ping-interval 5"
    assert CliRunner().invoke(command, words.split(), catch_exceptions=False).exit_code == 0
    assert load(flags=arrived) == Settings(
        ocpp_port=1,
        accept_unknown=True,
        policy="strict",
        message_log_exclude=("Heartbeat",),
        ping_interval=5.0,
    )
