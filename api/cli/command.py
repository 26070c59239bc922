"""`voltrio command`: what is wanted of a connected charge point, in no version's words."""

from __future__ import annotations

from typing import Any, Final

import click

from api.cli.client import TIMEOUT, Client, remote, segment
from api.cli.options import json_argument
from api.cli.output import as_json, print_json, print_rows

LIST: Final = {
    "COMMAND": "command",
    "OCPP": "versions",
    "PARAMETERS (* required)": "parameters",
    "WHAT IT DOES": "summary",
}
TYPES: Final = {"PARAMETER (* required)": "name", "TAKES": "type"}


@click.command(
    short_help="Give a charge point a command.",
    epilog="""\b
Examples:
  voltrio command --list                        all commands, with their parameters
  voltrio command --list SendLocalList          one, with what goes into each parameter
  voltrio command CP1 Unlock '{"evseNumber": 1}'
  voltrio command CP1 Reset '{"when": "idle"}'
  voltrio command CP1 GetLog '{"location": "https://example.org/upload"}'
  voltrio command CP1 ChangeAvailability '{"operative": false}'

The same command works for every OCPP version that has words for it; `call` sends a request of one version.

Exit codes: 0 accepted · 1 refused, by the node or by the charge point · 5 offline or no answer in time ·
6 the charge point answered with an error (CALLERROR).
""",
)
@click.argument("identity", required=False)
@click.argument("name", required=False)
@click.argument("parameters", default="{}")
@click.option("--list", "list_", is_flag=True, help="List the commands instead.")
@click.option("--timeout", type=click.FloatRange(min=1, max=600), help="Seconds to wait for each answer.")
@as_json
@remote
def command(
    client: Client,
    *,
    identity: str | None,
    name: str | None,
    parameters: str,
    list_: bool,
    timeout: float | None,
    json_: bool,
) -> None:
    """Have the charge point IDENTITY do what the command NAME says.

    PARAMETERS is a JSON object, {} if absent.
    """
    if list_:
        _list(client, identity, json_)
        return
    if identity is None or name is None:
        raise click.UsageError("IDENTITY and NAME are needed; `voltrio command --list` shows what there is")
    body: dict[str, Any] = {"command": name, "parameters": json_argument(parameters, "PARAMETERS")}
    if timeout is not None:
        body["timeout"] = timeout
    path = f"/stations/{segment(identity)}/command"
    answer = client.post(path, body, timeout=max(TIMEOUT, 2 * (timeout or 0) + 10))
    print_json(answer)
    if answer["verdict"] not in ("accepted", "scheduled", "reboot_required"):
        raise SystemExit(1)


def _list(client: Client, name: str | None, json_: bool) -> None:
    rows = [row for row in client.get("/commands") if name in (None, row["command"])]
    if name is not None and not rows:
        raise click.UsageError(f"There is no command {name!r}; `voltrio command --list` shows what there is.")
    if json_:
        print_json(rows)
        return
    shown = [
        {**row, "versions": " ".join(v.removeprefix("ocpp") for v in row["versions"]),
         "parameters": " ".join(row["parameters"])}
        for row in rows
    ]  # fmt: skip
    print_rows(shown, LIST, json_=False, empty="No commands.")
    if name is not None:
        takes = [
            {"name": one, "type": rows[0]["types"].get(one.rstrip("*"))} for one in rows[0]["parameters"]
        ]
        print_rows(takes, TYPES, json_=False, empty="It takes no parameters.")
