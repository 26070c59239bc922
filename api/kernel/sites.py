"""Everything behind one HTTP port: its door, and operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from api.http.house import Serve
from api.http.message import Response
from api.kernel import direct
from api.kernel.answers import correlate
from api.kernel.doors import Door, guarded
from api.kernel.operations import Operation, rendered
from api.kernel.problems import Problem, Render


class Site(msgspec.Struct, frozen=True):
    """What a server needs: `serve` answers, `refused` is how an answer looks that the server itself gives."""

    serve: Serve
    refused: Callable[[int, str], Response]


def site(operations: Iterable[Operation], door: Door, render: Render) -> Site:
    def refused(status: int, message: str) -> Response:
        return direct.finished(rendered(Problem(status=status, message=message), render), correlate(""))

    return Site(serve=guarded(door, direct.site(operations, render), render), refused=refused)
