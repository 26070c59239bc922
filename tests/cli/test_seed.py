"""`voltrio seed`: as many rows as asked for, in an empty database only; what it makes hangs together."""

import asyncio
from typing import Any

import asyncpg

from engine.settings import Settings

SIZES = ("--stations", "20", "--sessions", "100", "--meter-values", "400")
COUNTS = {
    "operators": 10,
    "charge_points": 20,
    "connectors": 40,
    "connector_status": 40,
    "id_tags": 100,
    "sessions": 100,
    "sessions where status = 'active'": 2,
    "session_totals": 100,
    "meter_values": 400,
    "meter_values m join sessions s on s.id = m.session_id and s.charge_point_id = m.charge_point_id "
    "and s.evse_number = m.evse_number": 400,
    "sessions s join charge_points c on c.id = s.charge_point_id and c.operator_id = s.operator_id": 100,
    "sessions s join id_tags t on t.uid = s.id_tag": 100,
    "message_log": 500,
}


def test_seed(run: Any, settings: Settings) -> None:
    result = run("seed", "--database", str(settings.database), *SIZES)
    assert result.exit_code == 0, result.output
    assert "The database is seeded." in result.stdout

    async def look() -> None:
        connection = await asyncpg.connect(settings.database)
        for what, number in COUNTS.items():
            assert await connection.fetchval(f"select count(*) from {what}") == number, what  # noqa: S608
        added = "insert into charge_points (operator_id, network_id, name) values (1, 'A', 'A') returning id"
        assert await connection.fetchval(added) == 21
        assert await connection.fetchval("select nextval('voltrio_ids')") == 101
        await connection.close()

    asyncio.run(look())
    again = run("seed", "--database", str(settings.database), *SIZES)
    assert (again.exit_code, "seed an empty one" in again.output) == (1, True)
