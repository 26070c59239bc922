"""Ask which list of id tags a station has: GetLocalListVersion (1.6 §5.10, 2.x D02)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.local_list.version import holds
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation, Result, Verdict
from engine.ocpp.step import Outcome


class GetLocalListVersion(Operation, frozen=True):
    """Which version of the list of id tags the station has; 0: none or empty, −1: it keeps none (1.6)."""


class ListVersion(Result, frozen=True):
    version: int = 0


def encode(_operation: GetLocalListVersion, _cp: ChargePoint) -> Sequence[Call]:
    return [("GetLocalListVersion", {})]


def read_v16(_operation: object, answers: Sequence[v16.GetLocalListVersionResponse]) -> Result:
    return ListVersion(verdict=Verdict.ACCEPTED, word="Accepted", version=answers[0].list_version)


def read_v2x(_operation: object, answers: Sequence[Any]) -> Result:
    return ListVersion(verdict=Verdict.ACCEPTED, word="Accepted", version=answers[0].version_number)


def get_local_list_version_answered_v16(
    cp: ChargePoint,
    request: v16.GetLocalListVersion,
    response: v16.GetLocalListVersionResponse,
    now: datetime,
) -> Outcome:
    """The charge point's own word: 0 an empty list, −1 none supported (§5.10)."""
    return holds(cp, response.list_version, now)


def get_local_list_version_answered_v2x(
    cp: ChargePoint,
    request: v201.GetLocalListVersion | v21.GetLocalListVersion,
    response: v201.GetLocalListVersionResponse | v21.GetLocalListVersionResponse,
    now: datetime,
) -> Outcome:
    """0: there is no list (D02.FR.02, FR.03)."""
    return holds(cp, response.version_number, now)


OPERATION: Final = define(GetLocalListVersion, v16=Encoding(encode, read_v16), v2x=Encoding(encode, read_v2x))
COMMANDS: Final = (
    command(v16.GetLocalListVersion, answered=get_local_list_version_answered_v16),
    command(v201.GetLocalListVersion, answered=get_local_list_version_answered_v2x),
)
