"""Settings of one station: what is out of bounds is refused by name."""

import httpx
import pytest

from engine.node import Node


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("heartbeat_interval", -5, ">= 1"),
        ("heartbeat_interval", 0, ">= 1"),
        ("heartbeat_interval", 10**12, "<= 604800"),
        ("boot_retry_interval", 0, ">= 1"),
        ("max_power_w", -1, ">= 1"),
        ("max_power_w", 0, ">= 1"),
        ("max_power_w", 10**30, "<= 20000000"),
        ("max_session_wh", 0, ">= 1"),
        ("max_power_w", "22000", "Expected `int`"),
        ("master_pass_group", "", ">= 1"),
        ("policy", "lax", "allowed: strict, repair, observe"),
    ],
)
async def test_out_of_bounds(admin: httpx.AsyncClient, name: str, value: object, said: str) -> None:
    settings = {"trigger_status_after_boot": True, name: value}
    answer = await admin.post("/stations", json={"identity": "CP1", "settings": settings})
    assert answer.status_code == 422
    ((place, (fault,)),) = answer.json()["errors"].items()
    assert (place, said in fault) == (f"settings.{name}", True)
    assert (await admin.get("/stations/CP1")).status_code == 404


async def test_within_bounds(admin: httpx.AsyncClient, node: Node) -> None:
    settings = {"heartbeat_interval": 604_800, "max_power_w": 1, "master_pass_group": None}
    await admin.post("/stations", json={"identity": "CP1", "settings": settings})
    record = await node.store.reader.station("CP1")
    assert record is not None
    loaded = (await node.store.reader.load(record, "ocpp1.6")).settings
    assert (loaded.heartbeat_interval, loaded.max_power_w, loaded.master_pass_group) == (604_800, 1, None)
