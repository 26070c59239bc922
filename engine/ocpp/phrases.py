"""What a way of saying an intent is, and what the ways of all versions share. Pure.

Payloads are written as plain documents in OCPP's spelling; `engine.ocpp.translation` makes the typed request
of the station's version from them, so that what breaks its schema is found before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from engine.domain.state import ChargePoint, Frozen
from engine.ocpp.intents import CertificateHash, Result, Settled, Verdict, overall, verdict_of
from engine.ocpp.step import Message

R = TypeVar("R", bound=Result)
T = TypeVar("T")
DONE: Final = frozenset({Verdict.ACCEPTED, Verdict.REBOOT_REQUIRED})
Said: TypeAlias = tuple[str, Mapping[str, Any]]  # action, payload


class Phrase(Frozen, frozen=True):
    """How one version says one kind of intent and how its answers are read, in the order of the requests.

    `say` raises NotSupported for what the version has no words for, Invalid for what makes no sense. `split`
    makes several requests of one that is too large for the station; each is sent only if the one before it
    was accepted, so there may be fewer answers.
    """

    say: Callable[[Any, ChargePoint], Sequence[Said]]
    read: Callable[[Any, Sequence[Any]], Result]
    split: Callable[[Any, ChargePoint], Sequence[Message]] | None = None


def given(**members: Any) -> dict[str, Any]:
    """The members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def once(items: Iterable[T]) -> list[T]:
    """Each once, in the order in which they came first."""
    return list(dict.fromkeys(items))


def plain(_intent: object, answers: Sequence[Message]) -> Result:
    """An answer that is a status, or none (then it is accepted); of several the first not accepted."""
    results = [told(answer) for answer in answers]
    return next((result for result in results if result.verdict is not Verdict.ACCEPTED), results[0])


def told(answer: Message) -> Result:
    """The verdict of one answer, in the station's word and with its reason (2.x StatusInfo)."""
    word: str = getattr(answer, "status", None) or "Accepted"
    return Result(verdict=verdict_of(word), word=word, reason=reason_of(getattr(answer, "status_info", None)))


def reason_of(info: Any) -> str | None:
    """StatusInfo as one line; None where there is none."""
    if not info:
        return None
    return f"{info.reason_code}: {info.additional_info}" if info.additional_info else str(info.reason_code)


def as_(kind: type[R], result: Result, **more: Any) -> R:
    """The same result as a kind that says more."""
    return kind(verdict=result.verdict, word=result.word, reason=result.reason, **more)


def hash_document(digest: CertificateHash) -> Mapping[str, str]:
    """CertificateHashDataType, the same in every version."""
    return {
        "hashAlgorithm": digest.hash_algorithm,
        "issuerNameHash": digest.issuer_name_hash,
        "issuerKeyHash": digest.issuer_key_hash,
        "serialNumber": digest.serial_number,
    }


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
