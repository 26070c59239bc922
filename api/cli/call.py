"""`voltrio call`: any OCPP request to a connected charge point, and its real answer."""

from __future__ import annotations

import click

from api.cli.client import TIMEOUT, Client, remote, segment
from api.cli.options import json_argument
from api.cli.output import print_json


@click.command(
    epilog="""\b
Examples:
  voltrio call CP1 GetConfiguration
  voltrio call CP1 Reset '{"type": "Soft"}'
  voltrio call CP1 RemoteStartTransaction '{"idTag": "04A2B3C4"}'
  voltrio call CP1 TriggerMessage '{"requestedMessage": "StatusNotification"}'
  voltrio call CP2 GetTransactionStatus '{"transactionId": "T1"}'      OCPP 2.x
  voltrio call CP1 Reset '{"type": "Gently"}' --force          see what the charge point makes of it

The actions of each OCPP version: docs/reference/ocpp.md. A payload that is wrong is not sent; the error
names the members there are. With --force it is sent, and the node's audit log says so.

Exit codes: 0 answered · 1 refused here (unknown action, payload against schema or rule, queue full) ·
5 offline or no answer in time · 6 the charge point answered with an error (CALLERROR).
"""
)
@click.argument("identity")
@click.argument("action")
@click.argument("payload", default="{}")
@click.option("--timeout", type=click.FloatRange(min=1, max=600), help="Seconds to wait for the answer.")
@click.option(
    "--force", is_flag=True, help="Send it although it breaks a rule or its schema; for laboratories."
)
@remote
def call(
    client: Client, *, identity: str, action: str, payload: str, timeout: float | None, force: bool
) -> None:
    """Send any OCPP request to a charge point.

    ACTION with PAYLOAD (JSON, {} if absent) goes to IDENTITY as it is; what is printed is its real answer.
    """
    body: dict[str, object] = {"action": action, "payload": json_argument(payload, "PAYLOAD")}
    if force:
        body["force"] = True
    if timeout is not None:
        body["timeout"] = timeout
    answer = client.post(
        f"/stations/{segment(identity)}/call", body, timeout=max(TIMEOUT, (timeout or 0) + 10)
    )
    print_json(answer["payload"])
