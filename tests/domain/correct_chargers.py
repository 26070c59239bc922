"""Chargers that do all as the specification says, each in its own way: what they tell, message by message.

Nothing of how sessions are counted is used: a charger has a meter, a car and a configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from hypothesis import strategies as st
from msgspec import UNSET

from engine.ocpp.messages import v16, v21, v201

WORDS: dict[str, Any] = {"ocpp1.6": v16, "ocpp2.0.1": v201, "ocpp2.1": v21}
MORNING = datetime(2026, 3, 1, 6, tzinfo=UTC)
REGISTER_SECONDS = 10


@dataclass(frozen=True)
class Habits:
    """What a charger is set to tell, and how."""

    version: str
    registers: Literal["at both ends", "everywhere", "in samples", "both at the end"]
    contexts: bool  # Transaction.Begin and Transaction.End are said
    step: int  # Wh: its meter shows multiples of it
    unit: Literal["Wh", "kWh"]
    phases: Literal["total", "beside", "each"]
    interval: int  # seconds between samples
    aligned: int | None  # seconds between clock-aligned values
    power: bool
    data: bool  # 1.6: its stop repeats what it sampled; 2.x: clock-aligned values are events, too
    starts_at: Literal["cable", "authorization"]  # TxStartPoint
    last_seconds: int  # 2.x: of samples alone, how long before the end the last one is; told to idle, if long


@dataclass
class Evse:
    """One outlet: what was delivered since it was built, exactly and as it is shown."""

    number: int
    wh: float


@dataclass(frozen=True)
class Sent:
    """A message and when it happened; `transaction` where it needs the number that 1.6 gives."""

    at: datetime
    action: str
    request: Any
    transaction: int | None = None


@dataclass
class Visit:
    """One transaction as it was, and what the registers showed at both ends."""

    evse: int
    begin: datetime
    begin_wh: int
    end: datetime | None = None
    end_wh: int = 0


@dataclass
class Charger:
    """One that runs through the hours of `steps`, and leaves what it told in `told`."""

    habits: Habits
    told: list[Sent] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)

    # --- its meter ---

    def shown(self, evse: Evse) -> int:
        return int(evse.wh) // self.habits.step * self.habits.step

    def registers(self, evse: Evse, context: str | None) -> list[Any]:
        words, shown = WORDS[self.habits.version], self.shown(evse)
        parts = [shown // 3 + shown % 3, shown // 3, shown // 3]
        each = [(f"L{n}", wh) for n, wh in enumerate(parts, 1)]
        wanted: list[tuple[Any, int]] = [(UNSET, shown)]
        if self.habits.phases != "total":
            wanted = each if self.habits.phases == "each" else [(UNSET, shown), *each]
        made = []
        for phase, wh in wanted:
            value = wh / 1_000 if self.habits.unit == "kWh" else wh
            members: dict[str, Any] = {"phase": phase, "context": context or UNSET}
            if self.habits.version == "ocpp1.6":
                members |= {"value": str(value), "unit": self.habits.unit}
            else:
                members |= {
                    "value": value,
                    "unit_of_measure": words.UnitOfMeasure(unit=self.habits.unit),
                }
            made.append(words.SampledValue(**members))
        return made

    def measured(
        self, evse: Evse, at: datetime, context: str | None, power: float | None, *, register: bool = True
    ) -> Any:
        """A MeterValue; None where nothing is to be told."""
        words = WORDS[self.habits.version]
        samples = self.registers(evse, context) if register else []
        if power is not None and self.habits.power:
            value: Any = str(power) if self.habits.version == "ocpp1.6" else power
            samples.append(
                words.SampledValue(value=value, measurand="Power.Active.Import", context=context or UNSET)
            )
        return words.MeterValue(timestamp=at, sampled_value=samples) if samples else None

    # --- what it says ---

    def say(self, at: datetime, action: str, request: Any, transaction: int | None = None) -> None:
        self.told.append(Sent(at, action, request, transaction))

    def clock(self, evse: Evse, at: datetime, transaction: int | None, power: float) -> None:
        """Clock-aligned values: of an EVSE in 2.x, of its transaction in 1.6."""
        value = self.measured(evse, at, "Sample.Clock", power)
        if self.habits.version == "ocpp1.6":
            request: Any = v16.MeterValues(connector_id=evse.number, meter_value=[value])
        else:
            request = WORDS[self.habits.version].MeterValues(evse_id=evse.number, meter_value=[value])
        self.say(at, "MeterValues", request, transaction if self.habits.version == "ocpp1.6" else None)


@dataclass(frozen=True)
class Stretch:
    """So many seconds of a transaction at so many watts; the car or the station may pause it."""

    seconds: int
    watts: int
    state: Literal["Charging", "SuspendedEV", "SuspendedEVSE", "EVConnected"]


@dataclass(frozen=True)
class Plan:
    """A transaction to be: after a pause, what happens, and how it ends."""

    evse: int
    pause: int
    stretches: tuple[Stretch, ...]
    ends: Literal["by the cable", "by the card", "from afar", "never plugged in"]
    reasonless: bool


@st.composite
def habits(draw: st.DrawFn, version: str) -> Habits:
    return Habits(
        version=version,
        registers=draw(st.sampled_from(("at both ends", "everywhere", "in samples", "both at the end"))),
        contexts=draw(st.booleans()),
        step=draw(st.sampled_from((1, 10, 100))),
        unit=draw(st.sampled_from(("Wh", "kWh"))),
        phases=draw(st.sampled_from(("total", "beside", "each"))),
        interval=draw(st.sampled_from((7, 60, 300, 900))),
        aligned=draw(st.sampled_from((None, 900))),
        power=draw(st.booleans()),
        data=draw(st.booleans()),
        starts_at=draw(st.sampled_from(("cable", "authorization"))),
        last_seconds=draw(st.integers(0, 20)),
    )


@st.composite
def plans(draw: st.DrawFn) -> list[Plan]:
    made = []
    for _ in range(draw(st.integers(1, 3))):
        stretches = []
        for _ in range(draw(st.integers(0, 3))):
            charging = draw(st.booleans())
            stretches.append(
                Stretch(
                    seconds=draw(st.integers(1, 2_400)),
                    watts=draw(st.sampled_from((1_380, 3_680, 11_000, 22_000, 150_000))) if charging else 0,
                    state="Charging" if charging else draw(st.sampled_from(("SuspendedEV", "SuspendedEVSE"))),
                )
            )
        ends = draw(st.sampled_from(("by the cable", "by the card", "from afar")))
        made.append(
            Plan(
                evse=draw(st.sampled_from((1, 2))),
                pause=draw(st.integers(1, 3_600)),
                stretches=tuple(stretches),
                ends=ends if stretches or draw(st.booleans()) else "never plugged in",
                reasonless=draw(st.booleans()),
            )
        )
    return made


def run(charger: Charger, wanted: list[Plan], meters: dict[int, float]) -> Charger:
    """All transactions of a day, one after the other on each EVSE; the two know nothing of each other."""
    for number in (1, 2):
        evse, clock = Evse(number, meters[number]), MORNING
        for plan in wanted:
            if plan.evse == number:
                clock += timedelta(seconds=plan.pause)
                driver = _v16 if charger.habits.version == "ocpp1.6" else _v2x
                clock = driver(charger, evse, plan, clock)
    charger.told.sort(key=lambda one: one.at)
    return charger


def _samples(
    charger: Charger, evse: Evse, plan: Plan, begin: datetime
) -> Iterator[tuple[datetime, str, Stretch]]:
    """What comes to pass in a transaction: the state changes, samples are due. The meter moves meanwhile."""
    habits, at = charger.habits, begin
    for stretch in plan.stretches:
        yield at, "state", stretch
        done = 0
        while done < stretch.seconds:
            passed = int((at - begin).total_seconds())
            moment = min(
                stretch.seconds - done,
                habits.interval - passed % habits.interval,
                habits.aligned - int((at - MORNING).total_seconds()) % habits.aligned
                if habits.aligned
                else stretch.seconds,
            )
            done += moment
            at += timedelta(seconds=moment)
            evse.wh += stretch.watts * moment / 3_600
            if int((at - begin).total_seconds()) % habits.interval == 0:
                yield at, "sample", stretch
            if habits.aligned and int((at - MORNING).total_seconds()) % habits.aligned == 0:
                yield at, "clock", stretch
    yield at, "end", Stretch(0, 0, "EVConnected")


# --- OCPP 1.6 ----------------------------------------------------------------------------------------------


def _v16(charger: Charger, evse: Evse, plan: Plan, begin: datetime) -> datetime:
    habits, number = charger.habits, len(charger.visits)
    visit = Visit(evse.number, begin, charger.shown(evse))
    charger.visits.append(visit)
    start = v16.StartTransaction(
        connector_id=evse.number, id_tag="TAG", meter_start=visit.begin_wh, timestamp=begin
    )
    charger.say(begin, "StartTransaction", start, number)
    data = [charger.measured(evse, begin, "Transaction.Begin" if habits.contexts else None, None)]
    at = begin
    for at, what, stretch in _samples(charger, evse, plan, begin):
        if what == "sample" and habits.registers != "at both ends":
            value = charger.measured(evse, at, None, stretch.watts)
            data.append(value)
            request = v16.MeterValues(connector_id=evse.number, meter_value=[value])
            charger.say(at, "MeterValues", request, number)
        elif what == "clock":
            charger.clock(evse, at, number, stretch.watts)
    visit.end, visit.end_wh = at, charger.shown(evse)
    data.append(charger.measured(evse, at, "Transaction.End" if habits.contexts else None, None))
    reason = {"by the cable": "EVDisconnected", "by the card": "Local", "from afar": "Remote"}.get(
        plan.ends, UNSET
    )
    stop = v16.StopTransaction(
        transaction_id=0,
        meter_stop=visit.end_wh,
        timestamp=at,
        reason=UNSET if plan.reasonless else reason,
        id_tag="TAG" if plan.ends == "by the card" else UNSET,
        transaction_data=data if habits.data else UNSET,
    )
    charger.say(at, "StopTransaction", stop, number)
    return at


# --- OCPP 2.x ----------------------------------------------------------------------------------------------


def _v2x(charger: Charger, evse: Evse, plan: Plan, begin: datetime) -> datetime:
    habits, words = charger.habits, WORDS[charger.habits.version]
    ends, number = habits.registers in ("at both ends", "everywhere"), f"tx-{len(charger.visits)}"
    visit = Visit(evse.number, begin, charger.shown(evse))
    charger.visits.append(visit)
    count = 0

    def tell(kind: str, at: datetime, trigger: str, state: Any = UNSET, *values: Any, **members: Any) -> None:
        nonlocal count
        info = {"stopped_reason": members.pop("reason", UNSET), "charging_state": state}
        charger.say(
            at,
            "TransactionEvent",
            words.TransactionEvent(
                event_type=kind,
                timestamp=at,
                trigger_reason=trigger,
                seq_no=count,
                transaction_info=words.Transaction(transaction_id=number, **info),
                evse=words.EVSE(id=evse.number, connector_id=1),
                meter_value=[value for value in values if value is not None] or UNSET,
                **members,
            ),
        )
        count += 1

    token = words.IdToken(id_token="TAG", type="ISO14443")
    first = charger.measured(evse, begin, "Transaction.Begin" if habits.contexts else None, None)
    plugged = UNSET if plan.ends == "never plugged in" else "EVConnected"
    if habits.starts_at == "cable" and plan.ends != "never plugged in":
        tell("Started", begin, "CablePluggedIn", "EVConnected", first if ends else None)
        tell("Updated", begin + timedelta(seconds=1), "Authorized", UNSET, id_token=token)
    else:
        tell("Started", begin, "Authorized", plugged, first if ends else None, id_token=token)
    # Nothing flows before it says so.
    state, flows = plugged, begin + timedelta(seconds=3)
    sampled = habits.registers in ("everywhere", "in samples")
    for at, what, stretch in _samples(charger, evse, plan, flows):
        if what == "state" and stretch.state != state:
            state = stretch.state
            tell(
                "Updated",
                at,
                "ChargingStateChanged",
                state,
                # Where samples alone have registers, there is one wherever the power changes.
                charger.measured(evse, at, None, None) if habits.registers == "in samples" else None,
            )
        elif what == "sample":
            value = charger.measured(evse, at, None, stretch.watts, register=sampled)
            if value is not None:
                tell("Updated", at, "MeterValuePeriodic", UNSET, value)
        elif what == "clock" and habits.data:
            value = charger.measured(evse, at, "Sample.Clock", stretch.watts)
            tell("Updated", at, "MeterValueClock", UNSET, value)
        elif what == "clock":
            charger.clock(evse, at, None, stretch.watts)
    if habits.registers == "in samples" and plan.stretches:
        value = charger.measured(evse, at, None, None)
        if habits.last_seconds < REGISTER_SECONDS:
            tell("Updated", at, "MeterValuePeriodic", UNSET, value)
        else:
            tell("Updated", at, "ChargingStateChanged", "EVConnected", value)
        at += timedelta(seconds=habits.last_seconds)
    visit.end, visit.end_wh = at, charger.shown(evse)
    last = charger.measured(evse, at, "Transaction.End" if habits.contexts else None, None)
    values = [last] if ends else [first, last] if habits.registers == "both at the end" else []
    trigger, reason = {
        "by the cable": ("EVCommunicationLost", "EVDisconnected"),
        "by the card": ("StopAuthorized", "Local"),
        "from afar": ("RemoteStop", "Remote"),
        "never plugged in": ("EVConnectTimeout", "Timeout"),
    }[plan.ends]
    tell(
        "Ended",
        at,
        trigger,
        plugged if plan.stretches else UNSET,
        *values,
        reason=UNSET if plan.reasonless and reason == "Local" else reason,
        id_token=token if plan.ends == "by the card" else UNSET,
    )
    return at
