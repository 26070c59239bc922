"""How often the operations that drivers wait for wait for the database."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.caller import Caller, CallerKind
from engine.node import Node
from engine.ocpp.blocks.remote_control.start import Start
from engine.ocpp.operation import Verdict
from engine.operations.remote_start import remote_start
from engine.store.batching import Batcher
from engine.store.database import Database
from engine.store.journal import Journal

CALLER = Caller("token:test", CallerKind.API_TOKEN)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every way to the database that was awaited, by name."""
    names: list[str] = []

    def counted(kind: type, name: str) -> None:
        original = getattr(kind, name)

        async def wait(self: Any, *arguments: Any, **more: Any) -> Any:
            names.append(f"{kind.__name__}.{name}")
            return await original(self, *arguments, **more)

        monkeypatch.setattr(kind, name, wait)

    for kind, name in ((Batcher, "ask"), (Journal, "commit"), (Journal, "flush"), (Database, "translating")):
        counted(kind, name)
    return names


async def test_a_remote_start_waits_for_a_look_up_and_a_commit(
    node: Node, connect: Any, waits: list[str]
) -> None:
    charger = await connect("CP1")
    charger.answers["RemoteStartTransaction"] = {"status": "Accepted"}
    waits.clear()
    result = await remote_start(node, CALLER, "CP1", Start(id_tag="CARD", evse_number=1))
    assert result.verdict is Verdict.ACCEPTED
    assert waits == ["Batcher.ask", "Journal.commit"]
    [row] = await node.store.query(
        "select actor, action, subject, details from audit_log order by id desc limit 1"
    )
    assert row[:3] == ("token:test", "session.start", "charge_point:CP1")
    assert row[3] == {"evse_number": 1, "id_tag": "CARD"}
