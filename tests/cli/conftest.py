"""Commands are run in this process, against a node that is played by a table of answers or is a real one."""

import logging
from collections.abc import Callable, Iterator

import httpx
import pytest
import structlog
from click.testing import CliRunner, Result

from api.cli import client, main


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands set up logging for their process, which is ours here, and their streams end with them."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


Answers = dict[str, httpx.Response | Callable[[httpx.Request], httpx.Response]]


class PlayedNode:
    """Answers `METHOD /path` from a table and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: Answers = {}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.raw_path.decode().partition("?")[0].removeprefix("/admin-api/v1")
        answer = self.answers.get(
            f"{request.method} {path}", httpx.Response(404, json={"message": "no such"})
        )
        return answer(request) if callable(answer) else answer


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> PlayedNode:
    node = PlayedNode()
    real = client.Client.__init__

    def init(self: client.Client, server: str, token: str) -> None:
        real(self, server, token, httpx.MockTransport(node))

    monkeypatch.setattr(client.Client, "__init__", init)
    monkeypatch.setenv("VOLTRIO_TOKEN", "a token")
    monkeypatch.setenv("COLUMNS", "200")
    return node


Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    def run(*words: str) -> Result:
        return CliRunner().invoke(main, list(words), catch_exceptions=False)

    return run
