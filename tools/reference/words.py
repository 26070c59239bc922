"""The reference page of words: what stands in our data and APIs, and which words of OCPP it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from engine.domain import authorization, state, vocabulary
from engine.ocpp import vocabulary as ocpp
from tools.reference.notice import NOTICE

PAGE: Final = """\
# Words

{notice}
Reasons, statuses and methods have the same words in the database, the [admin API](admin-api.md), the
[command line](cli.md) and events, whatever a charger's version of OCPP says for them. Events are the Public
API's: where that API writes a word in another way, so do they.

{tables}"""


def page() -> str:
    """docs/reference/words.md"""
    return PAGE.format(notice=NOTICE, tables="\n".join(_tables()))


def _tables() -> Iterable[str]:
    yield _table("Status of a session", state.SessionStatus)
    yield _table("Reason of a session", vocabulary.SessionReason, ocpp.STOP_REASONS)
    yield _table("Charging state (OCPP 2.x)", vocabulary.ChargingState, ocpp.CHARGING_STATES)
    yield _table("Hardware status", vocabulary.HardwareStatus, ocpp.HARDWARE_STATUS)
    yield _table("Network status", state.NetworkStatus)
    yield _table("Status of a reservation", vocabulary.ReservationStatus, ocpp.RESERVATION_STATUS)
    yield _table("Upload of diagnostics or a log", vocabulary.UploadStatus, ocpp.UPLOAD_STATUS)
    told: dict[str, StrEnum] = {word: verdict for verdict, word in ocpp.AUTHORIZATION_STATUS_V2X.items()}
    yield _table("Verdict on an id tag, and reason of a rejection", vocabulary.TagVerdict, told)
    title = "Method of an authorization"
    yield _table(title, vocabulary.AuthorizationMethod, authorization.METHODS, "types of id tags")


def _table(
    title: str, kind: type[StrEnum], said: Mapping[str, StrEnum] | None = None, by: str = "OCPP"
) -> str:
    """One kind: our words, what OCPP says for them, and how events write them where any differs."""
    spelt = any(_public(word) != word for word in kind)
    head = ["word", *([by] if said is not None else []), *(["in events"] if spelt else [])]
    lines = [f"## {title}", "", _row(head), "|" + "---|" * len(head)]
    for word in kind:
        cells = [f"`{word}`"]
        if said is not None:
            cells.append(_listed(one for one, ours in said.items() if ours is word))
        if spelt:
            cells.append(f"`{_public(word)}`")
        lines.append(_row(cells))
    return "\n".join([*lines, ""])


def _public(word: StrEnum) -> str:
    return str(getattr(word, "public", word))


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
