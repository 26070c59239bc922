"""Answers of stations as results: the verdict, the station's own word, the reason that it gave. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from engine.ocpp.operation import Result, Settled, Verdict
from engine.ocpp.step import Message

R = TypeVar("R", bound=Result)
DONE: Final = frozenset({Verdict.ACCEPTED, Verdict.REBOOT_REQUIRED})
SILENT: Final = Result(verdict=Verdict.REJECTED, word="Rejected")  # for what the station said nothing of
# The station's words. One that is not here is a refusal: nothing was done.
WORDS: Final[Mapping[str, Verdict]] = {
    "Accepted": Verdict.ACCEPTED,
    "AcceptedCanceled": Verdict.ACCEPTED,
    "Unlocked": Verdict.ACCEPTED,
    "Scheduled": Verdict.SCHEDULED,
    "RebootRequired": Verdict.REBOOT_REQUIRED,
    "Unpublished": Verdict.ACCEPTED,
    "EmptyResultSet": Verdict.NOT_FOUND,
    "NoFirmware": Verdict.NOT_FOUND,
    "NoProfile": Verdict.NOT_FOUND,
    "NoProfiles": Verdict.NOT_FOUND,
    "NoTariff": Verdict.NOT_FOUND,
    "NotFound": Verdict.NOT_FOUND,
    "TxNotFound": Verdict.NOT_FOUND,
    "Unknown": Verdict.NOT_FOUND,
    "UnknownTransaction": Verdict.NOT_FOUND,
    "UnknownConnector": Verdict.NOT_FOUND,
    "UnknownComponent": Verdict.NOT_FOUND,
    "UnknownVariable": Verdict.NOT_FOUND,
    "UnknownVendorId": Verdict.NOT_SUPPORTED,
    "UnknownMessageId": Verdict.NOT_SUPPORTED,
    "NotSupported": Verdict.NOT_SUPPORTED,
    "NotImplemented": Verdict.NOT_SUPPORTED,
    "NotSupportedAttributeType": Verdict.NOT_SUPPORTED,
    "NotSupportedMessageFormat": Verdict.NOT_SUPPORTED,
    "NotSupportedPriority": Verdict.NOT_SUPPORTED,
    "NotSupportedState": Verdict.NOT_SUPPORTED,
    "LanguageNotSupported": Verdict.NOT_SUPPORTED,
    "ConditionNotSupported": Verdict.NOT_SUPPORTED,
    "UnsupportedMonitorType": Verdict.NOT_SUPPORTED,
    "Failed": Verdict.FAILED,
    "UnlockFailed": Verdict.FAILED,
    "Faulted": Verdict.FAILED,
}


def verdict_of(word: str) -> Verdict:
    return WORDS.get(word, Verdict.REJECTED)


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """One for many: the first that is not accepted."""
    return next((verdict for verdict in verdicts if verdict is not Verdict.ACCEPTED), Verdict.ACCEPTED)


def read_status(_operation: object, answers: Sequence[Message]) -> Result:
    """An answer that is a status, or none (then it is accepted); of several the first not accepted."""
    results = [result_of(answer) for answer in answers]
    return next((result for result in results if result.verdict is not Verdict.ACCEPTED), results[0])


def result_of(answer: Message) -> Result:
    """The verdict of one answer, in the station's word and with its reason (2.x StatusInfo)."""
    word: str = getattr(answer, "status", None) or "Accepted"
    return Result(verdict=verdict_of(word), word=word, reason=reason_of(getattr(answer, "status_info", None)))


def reason_of(info: Any) -> str | None:
    """StatusInfo as one line; None where there is none."""
    if not info:
        return None
    return f"{info.reason_code}: {info.additional_info}" if info.additional_info else str(info.reason_code)


def as_kind(kind: type[R], result: Result, **more: Any) -> R:
    """The same result as a kind that says more."""
    return kind(verdict=result.verdict, word=result.word, reason=result.reason, **more)


def settled(results: Iterable[tuple[str, Result]]) -> Settled:
    """One result for many names, at least one. Accepted if every one is; a single one speaks for itself.

    Of a name that comes twice the result that is not done counts.
    """
    named: dict[str, Result] = {}
    for name, result in results:
        if name not in named or result.verdict not in DONE:
            named[name] = result
    verdicts = {name: result.verdict for name, result in named.items()}
    done = all(verdict in DONE for verdict in verdicts.values())
    single = next(iter(named.values())) if len(named) == 1 else None
    return Settled(
        verdict=overall(list(verdicts.values())) if done else Verdict.REJECTED,
        word=single.word if single else "",
        reason=single.reason if single else None,
        verdicts=verdicts,
        reasons={
            name: ": ".join(filter(None, (result.word, result.reason)))
            for name, result in named.items()
            if result.verdict not in DONE
        },
    )
