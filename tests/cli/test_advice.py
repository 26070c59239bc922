"""What is said when the system refuses something: the fault, and what mends it."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import main
from api.cli.advice import ADVICE, advised, check_addresses
from engine.settings import Settings


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("number", sorted(ADVICE))
def test_each_kind_of_error_has_advice_of_its_own(number: int) -> None:
    said = advised(OSError(number, os.strerror(number)))
    assert os.strerror(number) in said
    assert ADVICE[number] in said
    assert sum(ADVICE[number] == other for other in ADVICE.values()) == 1


def test_an_error_without_advice_is_shown_as_it_is() -> None:
    assert advised(OSError(errno.EXDEV, "Odd")) == "Odd."
    assert advised(OSError("odd")) == "odd."


def test_who_may_not_use_a_file_is_not_told_of_ports() -> None:
    said = advised(OSError(errno.EACCES, "Permission denied", "/srv/var"))
    assert said.startswith("/srv/var: Permission denied. ")
    assert "1024" not in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("serve --data {file} {ports}", 1, "{file}: File exists. "),
        ("serve --config {latin}", 2, "{latin}: not a text in UTF-8"),
        (
            "serve --http-tls-certificate {file} --http-tls-key {latin} {ports}",
            1,
            "{file}, {latin}: [SSL] ",
        ),
        ("serve --ocpp-tls-port 0 --tls-certificate no --tls-key no {ports}", 1, "no, no: No such file"),
        (
            "serve --database mysql://x/y {ports}",
            1,
            "Is its address right, and does PostgreSQL listen there?",
        ),
        ("migrate --data {file}/x", 1, "{file}/x: Not a directory. "),
        ("token list --data {file}/x", 2, "no database in {file}/x"),
        ("demo --data {file}/x", 1, "{file}/x: Not a directory. "),
        ("simulate --url http://127.0.0.1", 2, "is not a ws:// or wss:// address"),
        ("simulate --ledger {file}/x --duration 1", 1, "{file}/x: Not a directory. "),
        (
            "simulate --url wss://127.0.0.1 --certificate nope --key no",
            2,
            "cannot use nope, no: No such file",
        ),
        ("station list --token x --server nonsense", 2, "'nonsense' is not an address such as http://"),
    ],
)
def test_what_somebody_at_a_terminal_can_mend_is_said_without_a_traceback(
    tmp_path: Path, words: str, code: int, said: str
) -> None:
    places = {"file": str(tmp_path / "file"), "latin": str(tmp_path / "latin.toml")}
    Path(places["file"]).touch()
    Path(places["latin"]).write_bytes(b'log_level = "caf\xe9"')
    ports = "--ocpp-port 0 --http-port 0 --manage-port 0"
    result = CliRunner().invoke(main, words.format(**places, ports=ports).split())
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert said.format(**places) in result.output
    assert len(result.output.splitlines()) <= 3


def test_a_name_that_is_no_address_is_not_blamed_on_another_node() -> None:
    with pytest.raises(OSError, match="ocpp-host") as refusal:
        check_addresses(Settings(ocpp_host="256.0.0.1"))
    assert "no such host name" in advised(refusal.value)


def test_a_port_in_use_is_noticed_before_a_database_is_made(taken: int, tmp_path: Path) -> None:
    data = tmp_path / "data"
    flags = ["--data", str(data), "--ocpp-port", "0", "--http-port", str(taken), "--manage-port", "0"]
    result = CliRunner().invoke(main, ["serve", *flags])
    assert result.exit_code == 1
    assert f"127.0.0.1:{taken} (--http-port)" in result.output
    assert "Choose another port" in result.output
    assert not data.exists()


def test_the_versions_of_program_and_python_are_shown() -> None:
    short, long = (CliRunner().invoke(main, [words]).output for words in ("--version", "version"))
    assert short == long
    assert short.startswith("voltrio ")
