"""Provisioning commands of a 2.x station: variables, reports of them, reset (B)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import UNSET

from engine.simulator.v2x.reply import Job, Reply, parts, status
from engine.simulator.v2x.variables import ITEMS_PER_MESSAGE, REPORT_PART, Variable, entry

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

SUMMARY: Final = frozenset({"AvailabilityState", "Available", "Problem"})


def get_base_report(charger: Charger2x, request: Any) -> Reply:
    """B07"""
    charger.events.refresh()
    wanted = charger.variables.all()
    if request.report_base == "ConfigurationInventory":
        wanted = [variable for variable in wanted if variable.accepts is not None]
    elif request.report_base == "SummaryInventory":
        wanted = [variable for variable in wanted if variable.name in SUMMARY]
    return status("Accepted", _report(charger, request.request_id, wanted))


def get_report(charger: Charger2x, request: Any) -> Reply:
    """B08"""
    charger.events.refresh()
    wanted = charger.variables.all()
    if request.component_variable:
        wanted = [v for named in request.component_variable for v in charger.variables.meant(named)]
    if request.component_criteria:
        wanted = [v for v in wanted if any(charger.variables.fits(v, c) for c in request.component_criteria)]
    if not wanted:
        return status("EmptyResultSet")
    return status("Accepted", _report(charger, request.request_id, wanted))


def _report(charger: Charger2x, request_id: int, wanted: list[Variable]) -> Job:
    entries = [entry(variable) for variable in wanted]

    async def report() -> None:
        for number, part, more in parts(entries, REPORT_PART):
            charger.notify(
                "NotifyReport",
                requestId=request_id,
                generatedAt=charger.clock.now(),
                seqNo=number,
                tbc=more,
                reportData=part,
            )

    return report


def get_variables(charger: Charger2x, request: Any) -> Reply:
    """B06"""
    charger.events.refresh()
    results = []
    for wanted in request.get_variable_data:
        found = charger.variables.find(wanted.component, wanted.variable)
        result: dict[str, Any] = {"attributeStatus": found if isinstance(found, str) else "Accepted"}
        if isinstance(found, Variable):
            if found.secret:
                result = {"attributeStatus": "Rejected"}
            elif wanted.attribute_type not in (UNSET, "Actual"):
                result = {"attributeStatus": "NotSupportedAttributeType"}
            else:
                result["attributeValue"] = found.value
        results.append({**result, "component": wanted.component, "variable": wanted.variable})
    return Reply({"getVariableResult": results})


def set_variables(charger: Charger2x, request: Any) -> Reply:
    """B05"""
    if len(request.set_variable_data) > ITEMS_PER_MESSAGE:
        charger.complain("too-many-items", f"SetVariables with {len(request.set_variable_data)}", "")
    results = []
    for wanted in request.set_variable_data:
        attribute = wanted.attribute_type or "Actual"
        word = charger.variables.change(wanted.component, wanted.variable, attribute, wanted.attribute_value)
        results.append({"attributeStatus": word, "component": wanted.component, "variable": wanted.variable})
        if word == "Accepted" and wanted.variable.name.casefold() == "basicauthpassword":
            charger.uplink.next_password = wanted.attribute_value
    return Reply({"setVariableResult": results})


def reset(charger: Charger2x, request: Any) -> Reply:
    """B11, B12; its transactions end with it, and do not go on afterwards."""
    busy = any(connector.entry for connector in charger.connectors)
    if request.evse_id or (request.type == "ImmediateAndResume" and busy):
        return status("Rejected")
    if request.type == "OnIdle" and busy:

        async def later() -> None:
            for connector in charger.connectors:
                if connector.entry is not None:
                    await connector.ended.wait()
            await charger.restart("SoftReset", 10.0, 15.0)

        return status("Scheduled", later)

    async def restart() -> None:
        await charger.restart("SoftReset", 10.0, 15.0)

    return status("Accepted", restart)
