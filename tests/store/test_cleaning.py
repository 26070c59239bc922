"""No row shows a secret, whatever kind of row it is and wherever a charger put it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.domain.changes import Change, EventPublished, MessageLogged, TransactionEventStored
from engine.domain.state import Policy
from engine.ocpp import policy
from engine.ocpp.step import Refusal
from engine.ocpp.versions import PROTOCOLS
from engine.store.cleaning import CLEAN, EXACT
from engine.store.statements import STATEMENTS, Statement
from engine.store.writer import waves
from tests.fuzz.test_handlers import places
from tests.ocpp.strategies import example as message
from tests.ocpp.strategies import schemas
from tests.ocpp.test_blocks_properties import NOW, charge_points, facts_for

from .test_statements import example

FOLDERS = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}
INBOUND = [(name, action) for name, p in PROTOCOLS.items() for action in p.inbound]
LOOKS = ["psk=hunter22", "ftp://u:hunter22@h", '{"pin":"hunter22"}', "Bearer hunter22"]


def stored(changes: Iterable[Change]) -> str:
    """All that goes to the database of them, JSON inside of it decoded."""
    texts = []
    for statement, rows in waves(list(changes)):
        encoded, documents = statement.cleaner.encode(rows)
        texts += [str(value) for row in json.loads(encoded) for value in row.values()]
        texts += [str(document, "utf-8") for document in documents]
    return "\n".join(texts)


@pytest.mark.parametrize(
    "statement", [s for s in STATEMENTS if s.change not in EXACT], ids=lambda s: s.change.__name__
)
def test_no_text_of_a_row_that_people_read_holds_a_secret(statement: Statement) -> None:
    row = example(statement.change, 1)
    for name, value in msgspec.structs.asdict(row).items():
        for look in LOOKS:
            planted: Any = json.dumps({"a": look}).encode() if isinstance(value, bytes) else look
            if isinstance(value, str | bytes) and (statement.change, name) not in CLEAN:
                assert "hunter22" not in stored([msgspec.structs.replace(row, **{name: planted})]), name


def as_they_are(rows: Sequence[Change]) -> tuple[bytes, Sequence[bytes]]:
    """Rows and documents as they go to the database without a look at them."""
    values = [msgspec.structs.asdict(row) for row in rows]
    documents = [value for row in values for value in row.values() if isinstance(value, bytes)]
    plain = [{name: None if isinstance(v, bytes) else v for name, v in row.items()} for row in values]
    return msgspec.json.encode(plain), documents


def test_what_has_none_is_encoded_as_it_is() -> None:
    for statement in STATEMENTS:
        row = example(statement.change, 1)
        assert statement.cleaner.encode([row]) == as_they_are([row])


def test_exact_rows_stay_to_the_letter() -> None:
    for kind in EXACT:
        row = example(kind, 1)
        changed = {
            name: "psk=hunter22" for name, value in msgspec.structs.asdict(row).items() if value == "text"
        }
        row = msgspec.structs.replace(row, **changed)
        (statement,) = [one for one in STATEMENTS if one.change is kind]
        assert statement.cleaner.encode([row]) == as_they_are([row])


def test_any_text_becomes_one_that_postgresql_holds() -> None:
    row = example(MessageLogged, 1)
    event = example(EventPublished, 1)
    assert isinstance(row, MessageLogged)
    text = stored([msgspec.structs.replace(row, action="\0", message_id="\ud800", payload=r"\u0000")])
    assert {"\ufffd", "?", r"\ufffd"} <= set(text.splitlines())
    assert r"\u0000" not in stored([msgspec.structs.replace(event, payload=rb'{"a":"\u0000"}')])


@given(data=st.data(), which=st.sampled_from(INBOUND), look=st.sampled_from(LOOKS))
@settings(max_examples=150, deadline=None)
def test_a_secret_in_any_message_is_in_no_row_that_people_read(
    data: st.DataObject, which: tuple[str, str], look: str
) -> None:
    version, action = which
    handler = PROTOCOLS[version].inbound[action]
    document = json.loads(json.dumps(message(schemas(FOLDERS[version])[action]), default=float))
    texts = [(container, key) for container, key in places(document) if isinstance(container[key], str)]
    custom = [container for container, key in places(document) if key == "customData"]
    assume(texts)
    if custom and data.draw(st.booleans()):
        data.draw(st.sampled_from(custom))["customData"] |= {"wifiPSK": "hunter22", "note": look}
        exact: frozenset[type[Change]] = frozenset()
    else:
        container, key = data.draw(st.sampled_from(texts))
        container[key] = look
        exact = EXACT
    decoded = policy.decode(handler.request, json.dumps(document).encode(), Policy.REPAIR, version=version)
    assume(not isinstance(decoded, Refusal))
    assert not isinstance(decoded, Refusal)
    cp = data.draw(charge_points(version))
    needs = handler.needs(cp, decoded.message) if handler.needs is not None else ()
    changes = handler.step(cp, decoded.message, facts_for(data, needs), NOW).changes
    assert "hunter22" not in stored(change for change in changes if type(change) not in exact)


def test_what_a_vendor_adds_to_a_transaction_is_stored_without_its_secrets() -> None:
    assert TransactionEventStored in EXACT
    document = message(schemas("v201")["TransactionEvent"])
    document["customData"] = {"vendorId": "V", "apiToken": "hunter22", "kept": 1}
    handler = PROTOCOLS["ocpp2.0.1"].inbound["TransactionEvent"]
    payload = json.dumps(document, default=float).encode()
    decoded = policy.decode(handler.request, payload, Policy.STRICT, version="ocpp2.0.1")
    ours = policy.decode(handler.request, payload, Policy.STRICT, version="ocpp2.0.1", decoders=policy.OURS)
    assert not isinstance(decoded, Refusal)
    assert not isinstance(ours, Refusal)
    assert decoded.message.custom_data == {"vendorId": "V", "apiToken": "***", "kept": 1}  # type: ignore[attr-defined]
    assert ours.message.custom_data["apiToken"] == "hunter22"  # type: ignore[attr-defined]
