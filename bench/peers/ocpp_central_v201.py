"""The central system of `ocpp_central` for OCPP 2.0.1."""

from __future__ import annotations

from typing import Any, Final

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call_result
from ocpp.v201.datatypes import IdTokenInfoType
from ocpp.v201.enums import AuthorizationStatusEnumType, RegistrationStatusEnumType

from bench.peers.ocpp_central import now, serve_forever

ACCEPTED: Final = IdTokenInfoType(status=AuthorizationStatusEnumType.accepted)


class Central(ChargePoint):  # type: ignore[misc]  # the package has no type information
    """The central system's side of one connection."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def on_boot(self, **_: Any) -> call_result.BootNotification:
        return call_result.BootNotification(now(), 300, RegistrationStatusEnumType.accepted)

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def on_status(self, **_: Any) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def on_heartbeat(self, **_: Any) -> call_result.Heartbeat:
        return call_result.Heartbeat(now())

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    def on_transaction_event(
        self, id_token: dict[str, Any] | None = None, **_: Any
    ) -> call_result.TransactionEvent:
        return call_result.TransactionEvent(id_token_info=ACCEPTED if id_token else None)


if __name__ == "__main__":
    serve_forever(Central, "ocpp2.0.1", __doc__)
