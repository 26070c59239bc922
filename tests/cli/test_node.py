"""Commands against a node that really runs, and what `serve` says when it starts or cannot."""

import json
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from click.testing import CliRunner, Result

from api.cli import main
from api.cli.serve import keep_token, start_up_text
from api.server import serve_http, serve_manage
from engine.node import Node
from engine.run import run
from engine.settings import Settings
from tests.patience import PATIENCE
from tests.plans import EVERYBODY

Ask = Callable[..., Any]
ANY_PORTS = ("--ocpp-port", "0", "--http-port", "0", "--manage-port", "0")


@pytest.fixture
async def addresses(settings: Settings, nursery: trio.Nursery) -> AsyncIterator[Sequence[str]]:
    """Where a whole node listens; its signals stay pytest's."""
    announced: list[Sequence[str]] = []
    services = (serve_http, serve_manage)

    def announce(_: Node, listening: Sequence[str]) -> None:
        announced.append(listening)

    running: Node = await nursery.start(partial(run, settings, services, announce=announce))
    token = await running.store.api_tokens.create(EVERYBODY, "cli")
    yield (*announced[0], token.secret)
    nursery.cancel_scope.cancel()


@pytest.fixture
def ask(addresses: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run a command in a thread, as another terminal would."""
    _, http, _, token = addresses
    monkeypatch.setenv("VOLTRIO_SERVER", http)
    monkeypatch.setenv("VOLTRIO_TOKEN", token)

    async def ask(*words: str) -> Result:
        return await trio.to_thread.run_sync(
            lambda: CliRunner().invoke(main, list(words), catch_exceptions=False)
        )

    return ask


async def test_from_an_empty_node_to_a_card_that_may_charge(ask: Ask) -> None:
    assert "voltrio station add" in (await ask("station", "list")).output
    added = json.loads((await ask("station", "add", "CP1", "--json")).output)
    assert len(added["password"]) == 32
    again = await ask("station", "add", "CP1")
    assert (again.exit_code, "exists" in again.output) == (1, True)
    assert "CP1" in (await ask("station", "list")).output
    assert (await ask("station", "list", "--connected", "--json")).output == "[]\n"
    shown = await ask("station", "show", "CP1")
    assert re.search(r"Security profile\s+1", shown.output)
    assert (await ask("station", "show", "CP2")).exit_code == 1
    assert (
        await ask("tag", "add", "04A2", "--group", "G", "--expires", "2030-01-01T00:00:00Z")
    ).exit_code == 0
    (tag,) = json.loads((await ask("tag", "list", "--json")).output)
    assert (tag["uid"], tag["groupId"], tag["status"]) == ("04A2", "G", "enabled")
    assert "04A2 is known, but blocked." in (await ask("tag", "block", "04A2")).output
    again = await ask("tag", "add", "04a2", "--group", "H")
    assert (again.exit_code, "already" in again.output) == (1, True)
    (tag,) = json.loads((await ask("tag", "list", "--json")).output)
    assert (tag["groupId"], tag["status"]) == ("G", "disabled")  # not let in again by the way
    assert "blocked" in (await ask("tag", "add", "04A2", "--update", "--group", "H")).output
    assert "good to charge" in (await ask("tag", "unblock", "04A2")).output
    assert json.loads((await ask("tag", "show", "04A2", "--json")).output)["groupId"] == "H"
    assert (await ask("tag", "delete", "04A2")).exit_code == 0
    assert (await ask("tag", "delete", "04A2")).exit_code == 1
    wrong = await ask("tag", "add", "x" * 40)
    assert (wrong.exit_code, "uid" in wrong.output) == (1, True)
    assert (await ask("call", "CP1", "Reset", '{"type":"Soft"}')).exit_code == 5
    assert (await ask("session", "list", "--json")).output == "[]\n"
    assert (await ask("session", "tail", "--no-follow")).output == ""
    assert (await ask("session", "show", "1")).exit_code == 1
    assert (await ask("station", "list", "--token", "wrong")).exit_code == 4


async def test_tokens_through_the_node_and_beside_it(
    ask: Ask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = json.loads((await ask("token", "create", "ops", "--json")).output)
    assert (await ask("station", "list", "--token", made["secret"])).exit_code == 0
    monkeypatch.delenv("VOLTRIO_TOKEN")
    beside = ("--database", str(settings.database))
    local = json.loads((await ask("token", "create", "found again", "--json", *beside)).output)
    listed = json.loads((await ask("token", "list", "--json", *beside)).output)
    assert [row["name"] for row in listed] == ["cli", "ops", "found again"]
    assert set(listed[0]) == {"id", "name", "scope", "createdAt", "lastUsedAt", "revokedAt"}
    through = await ask("token", "list", "--json", "--token", local["secret"])
    assert [row["name"] for row in json.loads(through.output)] == ["cli", "ops", "found again"]
    assert (await ask("token", "revoke", str(made["id"]), *beside)).exit_code == 0
    assert (await ask("token", "revoke", str(made["id"]), *beside)).exit_code == 1
    assert (await ask("station", "list", "--token", made["secret"])).exit_code == 4


async def test_both_http_listeners_answer(addresses: Sequence[str], ask: Ask) -> None:
    ocpp, http, manage, _ = addresses
    assert ocpp.startswith("ws://127.0.0.1:")
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        assert (await client.get(f"{http}/health/ready")).status_code == 200
        assert (await client.get(f"{manage}/token")).json() == []
        assert "server" not in (await client.get(f"{http}/health/live")).headers


def test_migrate(run: Any, settings: Settings) -> None:
    result = run("migrate", "--database", str(settings.database))
    assert (result.exit_code, result.stdout) == (0, "The database is up to date.\n")
    assert "debug" not in result.stderr


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("--manage-host", "0.0.0.0"), 2, "manage_token"),  # noqa: S104 - refused
        (("--ocpp-port", "70000"), 2, "ocpp-port"),
        (("--config", "/nowhere.toml"), 2, "no such file"),
        (("--database", "postgresql://127.0.0.1:1/none", *ANY_PORTS), 1, "database"),
    ],
)
def test_serve_says_why_it_cannot_start(run: Any, words: tuple[str, ...], exit_code: int, said: str) -> None:
    result = run("serve", *words)
    assert (result.exit_code, said in result.output) == (exit_code, True), result.output


def test_serve_finds_its_file_and_names_what_it_does_not_know(
    run: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOLTRIO_SERVER", "http://x")  # of the other commands, and no setting
    monkeypatch.setenv("VOLTRIO_TOKEN", "x")
    (tmp_path / "voltrio.toml").write_text("ocpp_prt = 9000")
    result = run("serve")
    assert result.exit_code == 2
    assert "voltrio.toml: unknown setting 'ocpp_prt'; did you mean 'ocpp_port'?" in result.output


def test_a_port_in_use_is_named_as_such(run: Any, settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("serve", "--database", str(settings.database), "--ocpp-port", port)
    assert (result.exit_code, "--ocpp-port" in result.output) == (1, True)


ADDRESSES = ("ws://127.0.0.1:9000/ocpp/", "http://127.0.0.1:8080", "http://127.0.0.1:9410/api/v0")


def test_the_first_start_shows_where_the_token_is_and_the_next_commands(tmp_path: Path) -> None:
    text = start_up_text(Settings(), ADDRESSES, tmp_path / "a b" / "first-token")
    assert "ws://127.0.0.1:9000/ocpp/<identity>" in text
    assert f"export VOLTRIO_TOKEN=$(cat '{tmp_path}/a b/first-token')" in text
    assert "voltrio station add CP1 " in text
    assert "--server" not in text


@pytest.mark.parametrize("token_file", [None, Path("/srv/var/first-token")])
def test_what_is_said_at_the_start_fits_a_terminal(token_file: Path | None) -> None:
    lines = start_up_text(Settings(data="/srv/var"), ADDRESSES, token_file).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24 - 4  # the command, the preparation of the database, the cursor


def test_the_first_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "first-token"
    umask = os.umask(0)
    try:
        keep_token(file, "s3cret")
    finally:
        os.umask(umask)
    assert file.read_text() == "s3cret\n"
    assert file.stat().st_mode & 0o777 == 0o600
    keep_token(tmp_path / "nowhere" / "first-token", "s3cret")  # said in the log, and no reason to end


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (Settings(data="/srv/v"), "--data /srv/v"),
        (Settings(data="/srv/a b"), "--data '/srv/a b'"),
        (
            Settings(database="postgresql://u:p/w@x@db.example/v"),
            "--database 'postgresql://u:***@db.example/v'",
        ),
        (
            Settings(database="postgresql://db/v?user=u&password=pw&x=1"),
            "--database 'postgresql://db/v?user=u&password=***&x=1'",
        ),
        (Settings(database="postgresql:///v?host=/run"), "--database 'postgresql:///v?host=/run'"),
    ],
)
def test_the_remedy_for_a_lost_token_names_the_database(settings: Settings, place: str) -> None:
    assert f"voltrio token create NAME {place}\n" in start_up_text(settings, ADDRESSES, None)


@pytest.mark.parametrize("token", ["", "lost"])
def test_no_token_is_made_where_no_database_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Where the data folder is named, the node is not asked: the token at hand may be wrong."""
    monkeypatch.setenv("VOLTRIO_TOKEN", token)
    result = CliRunner().invoke(main, ["token", "create", "ops", "--data", str(tmp_path / "var")])
    assert result.exit_code == 2
    assert f"no database in {tmp_path}/var" in result.output
    assert not (tmp_path / "var").exists()


def test_later_starts_show_no_token() -> None:
    text = start_up_text(
        Settings(http_port=8081), (ADDRESSES[0], "http://127.0.0.1:8081", ADDRESSES[2]), None
    )
    assert "VOLTRIO_TOKEN=" not in text
    assert "voltrio station list --server http://127.0.0.1:8081" in text


def test_an_address_that_cannot_be_dialled_is_made_one_that_can() -> None:
    everywhere = ("ws://0.0.0.0:9000/ocpp/", "http://[::]:8080", ADDRESSES[2])
    text = start_up_text(Settings(), everywhere, None)
    assert "[::]" not in text
    assert "0.0.0.0" not in text  # noqa: S104 - not bound
