"""What a misbehaving charger may send: each attack as the bytes that it repeats as fast as they are taken."""

from __future__ import annotations

from typing import Final

import msgspec

from ext.envelope import call_text
from ext.websocket import CONTINUATION, PING, TEXT, Deflate, frame
from tests.hostile.harness import MASK, text_frame

PIECE: Final = 65_536  # bytes that are repeated, or somewhat more: never less than one message
DEFLATE: Final = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"
BOOT_16: Final = b'{"chargePointVendor":"Hostile","chargePointModel":"Load"}'
BOOT_2X: Final = b'{"reason":"PowerUp","chargingStation":{"vendorName":"Hostile","model":"Load"}}'
STAMP: Final = "2026-03-01T12:00:00Z"
SAMPLE_16: Final = {"value": "1234.5", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}


class Attack(msgspec.Struct, frozen=True):
    """`first` once, then `repeated` for ever."""

    repeated: bytes
    version: str = "ocpp1.6"
    headers: str = ""
    first: bytes | None = None

    @property
    def opening(self) -> bytes:
        if self.first is not None:
            return self.first
        return call("boot", "BootNotification", BOOT_16 if self.version == "ocpp1.6" else BOOT_2X)


def call(message_id: str, action: str, payload: object) -> bytes:
    encoded = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return text_frame(call_text(message_id, action, encoded))


def many(*messages: bytes) -> bytes:
    """Each as often as fits, at least once."""
    together = b"".join(messages)
    return together * max(1, PIECE // len(together))


def in_turn(action: str, payload: object) -> bytes:
    """Under two ids, so that none is taken for the one before it."""
    return many(*(call(message_id, action, payload) for message_id in "ab"))


def meter_values(readings: int, **more: object) -> bytes:
    """Each reading a second later than the one before, so that each is a row."""
    values = [
        {
            "timestamp": f"2026-03-01T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z",
            "sampledValue": [SAMPLE_16] * 5,
        }
        for at in range(readings)
    ]
    return in_turn("MeterValues", {"connectorId": 1, "meterValue": values, **more})


def transaction_event(number: int) -> bytes:
    event = {
        "eventType": "Updated",
        "timestamp": STAMP,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": number,
        "transactionInfo": {"transactionId": "T"},
        "meterValue": [{"timestamp": STAMP, "sampledValue": [{"value": 1.5}] * 5}],
    }
    return call(f"t{number}", "TransactionEvent", event)


def bomb() -> bytes:
    """A message of 1 MB that is some thousand bytes on the wire."""
    text = call_text("b", "DataTransfer", b'{"vendorId":"Hostile"' + b" " * 1_000_000 + b"}")
    return frame(TEXT, Deflate(client=True).compress(text), MASK, rsv1=True)


def fragment(first: int, text: bytes) -> bytes:
    """A frame that does not end its message."""
    return (first & 0x7F).to_bytes(1, "big") + frame(first, text, MASK)[1:]


STATUS: Final = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
BOOT: Final = call("boot", "BootNotification", BOOT_16)

ATTACKS: Final = {
    "garbage": Attack(many(text_frame(b"[2,garbage,garbage,]"))),
    "unknown actions": Attack(in_turn("Unheard", {"a": "\N{PARTY POPPER}" * 10})),
    "refused messages": Attack(in_turn("StatusNotification", {"connectorId": 1})),
    "mended messages": Attack(in_turn("StatusNotification", STATUS | {"unheard": 1})),
    "huge messages": Attack(meter_values(1_600)),
    "huge mended messages": Attack(meter_values(1_600, unheard=1)),
    "pings": Attack(many(frame(PING, b"ping", MASK))),
    "fragments of one byte": Attack(many(fragment(CONTINUATION, b" ")), first=BOOT + fragment(TEXT, b"[")),
    "bombs": Attack(many(bomb()), headers=DEFLATE),
    "Heartbeat": Attack(in_turn("Heartbeat", {})),
    "MeterValues": Attack(meter_values(1)),
    "TransactionEvent": Attack(
        b"".join(transaction_event(number) for number in range(200)), version="ocpp2.0.1"
    ),
    "Authorize": Attack(in_turn("Authorize", {"idTag": "STRANGER"})),
    "boots": Attack(many(BOOT, call("again", "BootNotification", BOOT_16))),
}
