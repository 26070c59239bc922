"""A charge point's rows in memory, pure as the rules: applies changes and answers needs as the store does."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from engine.domain import changes as c
from engine.domain.lookups import (
    Lookup,
    LooseSince,
    NeighboursOf,
    NewIds,
    PendingFor,
    PriceNow,
    SamplesSince,
    SessionOfStart,
    SessionOfTransaction,
    StoredEvents,
    TokensOf,
)
from engine.domain.metering.readings import identity
from engine.domain.plausibility import clock_is_wrong
from engine.domain.session.facts import RANKS, Beside, EventKey, History, Neighbour, Stored
from engine.domain.starting import Pending
from engine.domain.state import (
    ChargePoint,
    Metering,
    Orphan,
    Price,
    Registration,
    Session,
    SessionStatus,
    StationSettings,
    Token,
)
from engine.ocpp.step import Command, Facts, Handler, Message, Needs
from engine.store.writer import waves


class Sample(msgspec.Struct, frozen=True):
    """What identifies a sample of any version."""

    measurand: str = ""
    phase: str = ""
    location: str = ""
    context: str = ""
    format: str = ""


_samples = msgspec.json.Decoder(list[Sample])
_periods = msgspec.json.Decoder(list[dict[str, Any]])


OWNER = ("id_tag_id", "user_id", "authorization_id")
COUNTED = ("energy_wh", "register_wh", "power_w", "current_a", "voltage_v", "soc_percent")


def station(version: str, settings: StationSettings = StationSettings()) -> ChargePoint:  # noqa: B008 - frozen
    """A charge point whose boot was accepted."""
    return ChargePoint(
        id=1,
        identity="CP-1",
        operator_id=1,
        version=version,
        settings=settings,
        registration=Registration.ACCEPTED,
        booted=True,
    )


def token(uid: str, **other: Any) -> Token:
    """A tag that may charge."""
    values: dict[str, Any] = {
        "id": 1, "uid": uid, "group_id": "G", "status": "enabled", "valid": True, "expires_at": None,
        "user_id": 5, "user_enabled": True, "max_active_sessions": None, "active_sessions": 0,
    }  # fmt: skip
    return Token(**{**values, **other})


class Store:
    """One charge point's part of the database. `handle` runs a message as its actor would."""

    def __init__(
        self, cp: ChargePoint, tokens: Mapping[str, Token] | None = None, price: Price | None = None
    ) -> None:
        self.empty = cp
        self.cp = cp
        self.price = price
        self.pending: dict[int, Pending] = {}  # sessions that were asked for
        self.tokens = {uid.casefold(): token for uid, token in (tokens or {}).items()}
        self.sessions: dict[int, dict[str, Any]] = {}
        self.rows: dict[tuple[datetime, int], c.MeterValueAdded] = {}
        self.totals: dict[int, c.SessionMeasured] = {}
        self.orphans: dict[str, c.OrphanKept] = {}
        self.resolved: dict[int, int] = {}
        self.events: dict[tuple[object, ...], c.TransactionEventStored] = {}
        self.periods: dict[int, dict[datetime, dict[str, Any]]] = {}
        self.authorizations: dict[int, c.AuthorizationMade] = {}
        self.log: list[c.Change] = []
        self._ids = itertools.count(1)

    def handle(self, handler: Handler, request: Message, now: datetime) -> Message:
        """Look up, step, commit, adopt; returns the reply."""
        needs = handler.needs(self.cp, request) if handler.needs else None
        outcome = handler.step(self.cp, request, self.resolve(needs) if needs else Facts(), now)
        self.commit(outcome.changes)
        self.cp = outcome.state
        assert isinstance(outcome.reply, handler.response)
        return outcome.reply

    def answered(self, command: Command, request: Message, response: Message, now: datetime) -> None:
        """The charge point answered one of our requests."""
        assert command.answered is not None
        outcome = command.answered(self.cp, request, response, now)
        self.commit(outcome.changes)
        self.cp = outcome.state

    def reconnect(self) -> None:
        """The charge point's state as a new connection finds it."""
        opened = [self._session(n) for n, s in self.sessions.items() if s["status"] == "active"]
        self.cp = replace(
            self.empty,
            sessions={s.transaction_id: s for s in opened},
            orphans=tuple(
                msgspec.convert(asdict(o), Orphan, from_attributes=True)
                for o in self.orphans.values()
                if o.id not in self.resolved
            ),
        )

    def resolve(self, needs: Needs) -> Facts:
        return Facts({type(one): self.answer(one) for one in needs if isinstance(one, Lookup)})

    def answer(self, lookup: Lookup[Any]) -> Any:
        """As the module of `engine.store.lookups` for its class."""
        match lookup:
            case TokensOf(id_tags=id_tags):
                found = {uid: self.tokens.get(uid.casefold()) for uid in id_tags}
                return {
                    uid: replace(token, active_sessions=self._active(uid))
                    for uid, token in found.items()
                    if token is not None
                }
            case SessionOfStart(start_key=key):
                return self._only(row["start_key"] == key for row in self.sessions.values())
            case SessionOfTransaction(transaction_id=number):
                return self._only(
                    row["protocol"] == "ocpp1.6" and row["transaction_id"] == number
                    for row in self.sessions.values()
                )
            case SamplesSince(session_id=of, at=since):
                return frozenset((at, i) for s, at, i in self.samples() if s == of and at >= since)
            case LooseSince(evse_number=evse_number, at=after):
                return sorted(
                    (row.timestamp, row.samples.decode())
                    for row in self.rows.values()
                    if row.session_id is None and row.evse_number == evse_number and row.timestamp > after
                )
            case NeighboursOf(session_id=of):
                return self._neighbours(of) if of in self.sessions else ()
            case StoredEvents(key=key):
                return self._history(key)
            case PendingFor(key=key):
                return self.pending.get(key.number or 0)
            case PriceNow():
                return self.price
            case NewIds(rows=rows, session=session):
                return tuple(itertools.islice(self._ids, rows + session))
        raise TypeError(f"nobody answers {lookup}")

    def _only(self, meant: Iterable[bool]) -> Session | None:
        """The last session that is meant, in the order of their rows."""
        found = [number for number, is_meant in zip(self.sessions, meant, strict=True) if is_meant]
        return self._session(found[-1]) if found else None

    def samples(self) -> list[tuple[int | None, datetime, str]]:
        """Every stored sample: its session's id, its time, its identity. A list, so that doubles show."""
        return [
            (row.session_id, row.timestamp, identity(sample))
            for row in self.rows.values()
            for sample in _samples.decode(row.samples)
        ]

    def commit(self, changes: Iterable[c.Change]) -> None:
        """All of them, in the order in which the journal writes."""
        for _, rows in waves(list(changes)):
            for change in rows:
                self.log.append(change)
                self._apply(change)
        opened = [s["evse_number"] for s in self.sessions.values() if s["status"] == "active"]
        # A transaction of OCPP 2.x may begin before its EVSE is known.
        opened = [n for n in opened if n or self.cp.version == "ocpp1.6"]
        assert len(opened) == len(set(opened)), "two open sessions on one EVSE"
        for number, periods in self.periods.items():
            lasting = sum(row["stopped_at"] is None for row in periods.values())
            assert lasting <= (self.sessions[number]["status"] == "active"), "an open period too many"

    def _apply(self, change: c.Change) -> None:
        match change:
            case c.SessionMerged():
                self.pending.pop(change.id)
            case c.BatteryMoved():
                kept = self.empty.batteries - {change.evse_number}
                inside = {change.evse_number} if change.holds_battery else set()
                self.empty = replace(self.empty, batteries=kept | inside)
            case c.AuthorizationMade():
                self.authorizations[change.id] = change
            case c.SessionOpened():
                self.pending.pop(change.id, None)
                assert all(s["start_key"] != change.start_key for s in self.sessions.values())
                self.sessions[change.id] = {
                    **asdict(change),
                    "stopped_at": None,
                    "meter_stop_wh": None,
                    "energy_wh": None,
                    "reason": None,
                    "stop_received_at": None,
                    "stop_asked_at": None,
                    "released": (),
                    "corrected": False,
                }
            case c.SessionClosed():
                self.sessions[change.id] |= asdict(change)
            case c.SessionStopAsked():
                self.sessions[change.id]["stop_asked_at"] = change.stop_asked_at
            case c.SessionReviewed():
                self.sessions[change.id]["review"] = change.review
            case c.SessionAmended():
                row = self.sessions[change.id]
                kept = ("id", *(() if change.tag_told else OWNER))
                row |= {k: v for k, v in asdict(change).items() if k in row and k not in kept}
            case c.ChargingPeriodsRewritten():
                rows = _periods.decode(change.periods)
                for row in rows:
                    row |= {
                        k: row[k] and datetime.fromisoformat(row[k]) for k in ("started_at", "stopped_at")
                    }
                self.periods[change.session_id] = {row["started_at"]: row for row in rows}
            case c.ChargingPeriodOpened():
                own = self.periods.setdefault(change.session_id, {})
                for row in own.values():
                    if row["stopped_at"] is None and row["started_at"] < change.started_at:
                        row |= {"stopped_at": change.started_at, "energy_stop_wh": change.energy_wh}
                own[change.started_at] = {
                    "started_at": change.started_at,
                    "stopped_at": None,
                    "charging_state": change.charging_state,
                    "energy_start_wh": change.energy_wh,
                    "energy_stop_wh": None,
                }
            case c.ChargingPeriodClosed():
                for row in self.periods.get(change.session_id, {}).values():
                    if row["stopped_at"] is None:
                        stopped = max(row["started_at"], change.stopped_at)
                        row |= {"stopped_at": stopped, "energy_stop_wh": change.energy_wh}
            case c.TransactionEventStored():
                what = (change.transaction_id, change.seq_no, change.timestamp, change.event_type)
                self.events.setdefault((*what, change.content), change)
            case c.SessionReopened():
                gone = {"stopped_at": None, "meter_stop_wh": None, "energy_wh": None, "reason": None}
                self.sessions[change.id] |= {"status": "active", **gone}
            case c.MeterValueAdded():
                if isinstance(change, c.MeterValueCounted):
                    assert change.session_id is not None
                    self.totals[change.session_id] = replace(
                        self.totals[change.session_id],
                        **{name: getattr(change, name) for name in COUNTED},
                        register_at=change.timestamp,
                        sampled_at=change.timestamp,
                    )
                self.rows.setdefault((change.timestamp, change.sample_key), change)
            case c.SessionMeasured():
                self.totals[change.session_id] = change
            case c.OrphanKept():
                self.orphans.setdefault(change.key, change)
            case c.OrphanResolved():
                self.resolved[change.id] = change.session_id

    def _active(self, uid: str) -> int:
        return sum(
            s["status"] == "active" and (s["id_tag"] or "").casefold() == uid.casefold()
            for s in self.sessions.values()
        )

    def _history(self, key: EventKey) -> History:
        """As `engine.store.histories.histories`."""
        same = {n: s for n, s in self.sessions.items() if s["transaction_id"] == key.transaction_id}
        same = {n: s for n, s in same.items() if s["protocol"] != "ocpp1.6"}
        if key.session_id is not None:
            own = {key.session_id: self._neighbours(key.session_id, key)}
            return History(beside=self._beside(key, key.evse_number), neighbours=own)
        event = (key.transaction_id, key.seq_no, key.at, key.kind, key.content)
        if event in self.events:
            return History(known=True, sessions=[self._stored(self.events[event].session_id)])
        before = [n for n in same if same[n]["started_at"] <= key.at]
        after = [n for n in same if n not in before]
        meant = [
            *sorted(before, key=lambda n: (same[n]["started_at"], n))[-1:],
            *sorted(after, key=lambda n: (same[n]["started_at"], n))[:1],
        ]
        places = (key.evse_number, *(same[n]["evse_number"] for n in meant))
        evse_number = next((number for number in places if number), 0)
        return History(
            sessions=[self._stored(n) for n in meant],
            beside=self._beside(key, evse_number),
            neighbours={n: self._neighbours(n, key) for n in meant},
        )

    def _neighbours(self, number: int, key: EventKey | None = None) -> list[Neighbour]:
        own = self.sessions[number]
        evse_number = own["evse_number"] or (0 if key is None else key.evse_number)
        begin = key.at if key is not None and key.kind == "Started" else own["started_at"]
        others = {
            n: row
            for n, row in self.sessions.items()
            if n != number and 0 < row["evse_number"] == evse_number and row["meter_stop_wh"] is not None
        }
        place = {n: (row["started_at"], row["transaction_id"]) for n, row in others.items()}
        places = sorted(others, key=place.__getitem__)
        kept = ("meter_start_wh", "meter_stop_wh", "review", "released")
        found = []
        for at in (begin, own["started_at"])[: 1 + (begin != own["started_at"])]:
            earlier = [n for n in places if place[n] < (at, own["transaction_id"])][-1:]
            later = [n for n in places if place[n] >= (at, own["transaction_id"])][:1]
            found += [
                Neighbour(
                    id=n, earlier=n in earlier, left=at != begin, **{name: others[n][name] for name in kept}
                )
                for n in (*earlier, *later)
            ]
        return found

    def _beside(self, key: EventKey, evse_number: int) -> list[Beside]:
        return [
            Beside(id=n, started_at=s["started_at"], stopped_at=s["stopped_at"], review=s["review"])
            for n, s in self.sessions.items()
            if s["transaction_id"] != key.transaction_id and evse_number and s["evse_number"] == evse_number
        ]

    def _stored(self, number: int) -> Stored:
        events = [e for e in self.events.values() if e.session_id == number]
        ends = [e for e in events if e.event_type == "Ended"]
        places = [(e.seq_no, e.timestamp, RANKS[e.event_type], e.content) for e in events]
        return Stored(
            session=self._session(number),
            count=len(events),
            newest=max(places, default=None),
            newest_at=max((min(e.timestamp, e.received_at) for e in events), default=None),
            started_at=min((e.timestamp for e in events if e.event_type == "Started"), default=None),
            ended_at=max((min(e.timestamp, e.received_at) for e in ends), default=None),
            ended_seq=max((e.seq_no for e in ends), default=None),
            events=[(e.payload, e.content) for e in events],
            samples=frozenset((at, what) for s, at, what in self.samples() if s == number),
        )

    def _session(self, number: int) -> Session:
        row = self.sessions[number]
        lasting = [p for p in self.periods.get(number, {}).values() if p["stopped_at"] is None]
        newest = self.totals.get(number)
        told = row["started_at"]
        known = None if clock_is_wrong(told, row["start_received_at"]) else told
        totals = Metering(register_wh=row["meter_start_wh"], register_at=known)
        if row["protocol"] != "ocpp1.6":
            totals = Metering()
        if newest is not None:
            totals = Metering(
                energy_wh=newest.energy_wh or 0,
                register_wh=newest.register_wh,
                register_at=newest.register_at,
                series=newest.register_series,
                resets=newest.resets,
                power_w=newest.power_w,
                current_a=newest.current_a,
                voltage_v=newest.voltage_v,
                soc_percent=newest.soc_percent,
                last_sample_at=newest.sampled_at,
            )
        return Session(
            id=number,
            transaction_id=row["transaction_id"],
            evse_number=row["evse_number"],
            connector_number=row["connector_number"],
            status=SessionStatus(row["status"]),
            started_at=row["started_at"],
            received_at=row["start_received_at"],
            id_tag=row["id_tag"],
            meter_start_wh=row["meter_start_wh"],
            stopped_at=row["stopped_at"],
            meter_stop_wh=row["meter_stop_wh"],
            stop_received_at=row["stop_received_at"],
            stop_asked_at=row["stop_asked_at"],
            metering=totals if row["energy_wh"] is None else replace(totals, energy_wh=row["energy_wh"]),
            review=row["review"],
            released=row["released"],
            corrected=row["corrected"],
            price=self.price,
            charging=next((p["charging_state"] == "charging" for p in lasting), None),
            reservation_id=row["reservation_id"],
            charging_state=row["charging_state"],
            remote_start_id=row["remote_start_id"],
            offline=row["offline"],
            asked=row["asked_id_tag"] is not None and row["waived"] is None,
            asked_id_tag=row["asked_id_tag"],
            waived=row["waived"],
        )
