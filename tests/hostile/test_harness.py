"""The harness itself: it sees a loss where there is one, and none where there is none."""

from __future__ import annotations

import pytest

from tests.hostile.harness import BOOT_FRAME, Scale, Site, call_frame


async def test_good_chargers_lose_nothing_on_a_quiet_day(site: Site, scale: Scale) -> None:
    async with site.crowd(scale.good) as crowd, site.attacker() as attacker:
        await attacker.send(BOOT_FRAME + call_frame("1", "Heartbeat", b"{}"))
        await crowd.rounds(2)
    assert attacker.received > 0
    assert min(one.finished for one in crowd.good) >= 3
    assert site.metric("voltrio_ocpp_messages_total", direction="in", action="MeterValues", outcome="ok") > 0
    assert site.peak > 10_000_000


async def test_a_lost_connection_is_a_loss(site: Site) -> None:
    async def taken_over() -> None:
        async with site.crowd(2) as crowd, site.attacker(crowd.good[0].charger.identity):
            await crowd.rounds(1)

    with pytest.raises(AssertionError, match="lost"):
        await taken_over()
