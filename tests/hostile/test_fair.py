"""However one charger misbehaves, the others are answered, and no more of it is read than it may send."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

import pytest
import trio

from engine.points.admission import REPLACING, RETURNS
from engine.settings import Settings
from tests.hostile.attacks import ATTACKS, BOOT, Attack
from tests.hostile.harness import Attacker, Scale, Site

MEBIBYTE = 1 << 20
PER_GOOD = 10  # good chargers beside each that misbehaves
MEMORY = 4 * MEBIBYTE  # of a connection at most: what it sent, one message, what that comes to
ROUNDS = 2


async def repeat(attackers: list[Attacker], data: bytes) -> None:
    """As fast as it is taken, until cancelled."""

    async def one(attacker: Attacker) -> None:
        while True:
            await attacker.send(data)

    async with trio.open_nursery() as nursery:
        for attacker in attackers:
            nursery.start_soon(one, attacker)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_one_in_ten_misbehaves(site: Site, scale: Scale, attack: Attack) -> None:
    site.forget_peak()
    before = site.peak
    async with site.crowd(scale.good) as crowd, AsyncExitStack() as stack:
        attackers = [
            await stack.enter_async_context(site.attacker(headers=attack.headers, version=attack.version))
            for _ in range(scale.good // PER_GOOD)
        ]
        for attacker in attackers:
            await attacker.send(attack.opening)
        await crowd.goes_on_during(partial(repeat, attackers, attack.repeated), ROUNDS * scale.times)
        print(f"{(site.peak - before) / MEBIBYTE:.0f} MiB more than before")
        assert site.peak - before < 30 * MEBIBYTE + len(attackers) * MEMORY
        assert not any(attacker.closed.is_set() for attacker in attackers)


async def reconnect(site: Site, identity: str, tries: list[int]) -> None:
    """Connect, boot and leave without a word, for ever."""
    while True:
        stream = await trio.open_tcp_stream(site.target.host, site.target.port)
        async with stream:
            await stream.send_all(site.target.upgrade(identity) + BOOT)
            answer = await stream.receive_some()
            tries.append(int(answer.split()[1]))


async def test_reconnects_in_a_loop_are_slowed_down(site: Site, scale: Scale) -> None:
    identities = site.stations(scale.good // PER_GOOD)
    tries: dict[str, list[int]] = {identity: [] for identity in identities}

    async def loops() -> None:
        async with trio.open_nursery() as nursery:
            for identity in identities:
                nursery.start_soon(reconnect, site, identity, tries[identity])

    async with site.crowd(scale.good) as crowd:
        began = trio.current_time()
        await crowd.goes_on_during(loops, ROUNDS * scale.times)
        over = (trio.current_time() - began) / Settings().reconnect_interval
        for answers in tries.values():
            assert RETURNS // REPLACING <= answers.count(101) <= RETURNS + over + 1
            assert set(answers) <= {101, 503}


async def test_two_devices_with_one_identity_are_told_apart(site: Site, scale: Scale) -> None:
    (identity,) = site.stations(1)
    tries: list[int] = []

    async def device() -> None:
        """Comes back whenever it was thrown out."""
        while True:
            stream = await trio.open_tcp_stream(site.target.host, site.target.port)
            async with stream:
                await stream.send_all(site.target.upgrade(identity))
                tries.append(int((await stream.receive_some()).split()[1]))
                while await stream.receive_some():
                    pass

    conflicts = site.metric("voltrio_ocpp_identity_conflicts_total")
    async with site.crowd(scale.good) as crowd, trio.open_nursery() as nursery:
        nursery.start_soon(device)
        nursery.start_soon(device)
        await crowd.rounds(ROUNDS * scale.times)
        while 503 not in tries:
            await crowd.rounds(1)
        nursery.cancel_scope.cancel()
    assert site.metric("voltrio_ocpp_identity_conflicts_total") == conflicts + 1
