"""(v) What a CALL costs from text to checked message, in each version of OCPP: envelope split, then decoded.

The same business in each version's words, and the median over all messages that a charger may send. A ratio
here is the cost beside OCPP 1.6's. In turns, the quickest of many: what else the machine does is no message's
cost.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, Final

import msgspec

from bench.report import Maker, Row
from bench.samples import METER_VALUES_PAYLOAD
from engine.domain.state import Policy
from engine.ocpp import policy, v16, v21, v201
from engine.ocpp.outcome import Decoded
from engine.ocpp.shapes import Choice, Flag, Many, Moment, Number, Record, Shape, Text, Whole, record_of
from engine.ocpp.step import Message, Protocol
from ext import envelope

PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "OCPP 1.6": v16.protocol(),
    "OCPP 2.0.1": v201.protocol(),
    "OCPP 2.1": v21.protocol(),
}
OLDEST: Final = "OCPP 1.6"
LOOPS: Final = 1_000  # calls that are timed together
CALL: Final = b'[2,"6f9b1e8a-3a4b-4f7e-9a51-7f6c0d4d2b11","%b",%b]'

AT: Final = b'"timestamp":"2026-01-01T12:00:00.250Z"'
TOKEN: Final = b'"idToken":{"idToken":"04A2B3C4D5E6F7","type":"ISO14443"}'
READINGS: Final = (
    b'"meterValue":[{"sampledValue":['
    b'{"value":1204.5,"measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"Wh"}},'
    b'{"value":11040.0,"measurand":"Power.Active.Import","unitOfMeasure":{"unit":"W"}},'
    b'{"value":16.00,"measurand":"Current.Import","phase":"L1","unitOfMeasure":{"unit":"A"}},'
    b'{"value":230.1,"measurand":"Voltage","phase":"L1-N","unitOfMeasure":{"unit":"V"}},'
    b'{"value":57.5,"measurand":"SoC","location":"EV","unitOfMeasure":{"unit":"Percent"}}],' + AT + b"}]"
)


class Twin(msgspec.Struct, frozen=True):
    """One matter in 1.6 and in 2.x: action and payload. `times`: how often a charging session has it."""

    title: str
    old: tuple[str, bytes]
    new: tuple[str, bytes]
    times: int = 0

    def said_in(self, version: str) -> tuple[str, bytes]:
        return self.old if version == OLDEST else self.new


def _event(
    kind: bytes, reason: bytes, readings: bytes, transaction: bytes, rest: bytes = b""
) -> tuple[str, bytes]:
    """Members in the order of the schema, as in the other payloads."""
    known = b'{"eventType":"%b",%b,%b,"triggerReason":"%b","seqNo":7,"transactionInfo":{%b}%b}'
    return "TransactionEvent", known % (kind, readings, AT, reason, transaction, rest)


def _reading(value: int, context: bytes) -> bytes:
    return b'"meterValue":[{"sampledValue":[{"value":%d,"context":"%b"}],%b}]' % (value, context, AT)


TWINS: Final = (
    Twin(
        "BootNotification",
        (
            "BootNotification",
            b'{"chargePointVendor":"Voltaris","chargePointModel":"V1","chargePointSerialNumber":"00001",'
            b'"firmwareVersion":"1.0"}',
        ),
        (
            "BootNotification",
            b'{"chargingStation":{"serialNumber":"00001","model":"V1","vendorName":"Voltaris",'
            b'"firmwareVersion":"1.0"},"reason":"PowerUp"}',
        ),
    ),
    Twin("Heartbeat", ("Heartbeat", b"{}"), ("Heartbeat", b"{}")),
    Twin(
        "Authorize",
        ("Authorize", b'{"idTag":"04A2B3C4D5E6F7"}'),
        ("Authorize", b"{%b}" % TOKEN),
        times=1,
    ),
    Twin(
        "StatusNotification",
        ("StatusNotification", b'{"connectorId":1,"errorCode":"NoError","status":"Available",%b}' % AT),
        ("StatusNotification", b'{%b,"connectorStatus":"Available","evseId":1,"connectorId":1}' % AT),
        times=2,
    ),
    Twin(
        "StartTransaction or TransactionEvent(Started)",
        ("StartTransaction", b'{"connectorId":1,"idTag":"04A2B3C4D5E6F7","meterStart":1000,%b}' % AT),
        _event(
            b"Started",
            b"Authorized",
            _reading(1000, b"Transaction.Begin"),
            b'"transactionId":"17"',
            b',"evse":{"id":1,"connectorId":1},%b' % TOKEN,
        ),
        times=1,
    ),
    Twin(
        "MeterValues of five samples",
        ("MeterValues", METER_VALUES_PAYLOAD),
        ("MeterValues", b'{"evseId":1,%b}' % READINGS),
    ),
    Twin(
        "MeterValues or TransactionEvent(Updated) of five samples",
        ("MeterValues", METER_VALUES_PAYLOAD),
        _event(b"Updated", b"MeterValuePeriodic", READINGS, b'"transactionId":"17"'),
        times=30,
    ),
    Twin(
        "StopTransaction or TransactionEvent(Ended)",
        ("StopTransaction", b'{"transactionId":17,"meterStop":2000,%b,"reason":"Local"}' % AT),
        _event(
            b"Ended",
            b"StopAuthorized",
            _reading(2000, b"Transaction.End"),
            b'"transactionId":"17","stoppedReason":"Local"',
        ),
        times=1,
    ),
)
MESSAGES: Final = sum(twin.times for twin in TWINS)  # of a charging session


def measure(make: Maker, *, rounds: int) -> list[Row]:
    """Microseconds per message and version, and how many times 1.6's that is."""
    of_twins = [
        quickest([_work(protocol, *twin.said_in(version)) for version, protocol in PROTOCOLS.items()], rounds)
        for twin in TWINS
    ]
    rows: list[Row] = []
    for twin, figures in zip(TWINS, of_twins, strict=True):
        rows += make.costs(f"CALL decode: {twin.title}", "µs", _by_version(figures))
    session = [
        sum(twin.times * cost for twin, cost in zip(TWINS, costs, strict=True)) / MESSAGES
        for costs in zip(*of_twins, strict=True)
    ]
    rows += make.costs(
        f"CALL decode: mean of a session's {MESSAGES} messages, 30 readings", "µs", _by_version(session)
    )
    for title, whole in (("with every member", True), ("with what is required", False)):
        rows += make.costs(
            f"CALL decode: median of all messages, {title}", "µs", _by_version(_medians(whole, rounds))
        )
    return rows


def _by_version(figures: Sequence[float]) -> dict[str, float]:
    return dict(zip(PROTOCOLS, figures, strict=True))


def _medians(whole: bool, rounds: int) -> list[float]:
    """Of all messages of each version."""
    works = [[_work(protocol, *said) for said in inbound(protocol, whole)] for protocol in PROTOCOLS.values()]
    costs = iter(quickest([work for of_version in works for work in of_version], rounds))
    return [median([next(costs) for _ in of_version]) for of_version in works]


def quickest(works: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """Microseconds that each takes at best; one after the other, so that all see the same machine."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for index, work in enumerate(works):
            best[index] = min(best[index], timeit.timeit(work, number=LOOPS) / LOOPS * 1e6)
    return best


def _work(protocol: Protocol, action: str, payload: bytes) -> Callable[[], Decoded]:
    """What is timed. Raises ValueError unless the message is right as it stands."""
    work = partial(
        _decoded, CALL % (action.encode(), payload), protocol.inbound[action].request, protocol.name
    )
    decoded = work()
    if not isinstance(decoded, Decoded) or decoded.repairs:
        raise ValueError(f"{protocol.name} {action}: {decoded}")
    return work


def _decoded(text: bytes, kind: type[Message], version: str) -> Any:
    _, _, _, rest = envelope.split(text)
    return policy.decode(kind, rest, Policy.REPAIR, "Voltaris", "V1", version)


def inbound(protocol: Protocol, whole: bool) -> Iterator[tuple[str, bytes]]:
    """Each action that a charger may call and a payload its schema allows, `whole` or as short as may be."""
    for action, handler in protocol.inbound.items():
        yield action, msgspec.json.encode(_instance(record_of(handler.request), whole))


def _instance(shape: Shape, whole: bool) -> Any:
    match shape:
        case Record(members=members):
            return {
                member.name: _instance(member.shape, whole)
                for member in members
                if member.required or (whole and member.name != "customData")
            }
        case Many(item=item, least=least):
            return [_instance(item, whole) for _ in range(max(1, least))]
        case Text(longest=longest):
            return "a text of a charger"[:longest]
        case Choice(values=values):
            return min(values)
        case Whole(least=least, most=most):
            return min(max(least, 7), most)
        case Number(least=floor, most=ceiling):
            return next(bound for bound in (floor, ceiling, 1.5) if bound is not None)
        case Moment():
            return "2026-01-01T12:00:00.250Z"
        case Flag():
            return True
    return "anything"
