"""What nobody waits for does not hold up what chargers wait for, however much of it there is.

The node lets chargers send as fast as they can: what they send has to be harmless by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from ext.websocket import TEXT, Deflate, frame
from tests.conftest import data_folder
from tests.e2e.program import running
from tests.hostile.harness import BOOT_FRAME, MASK, Scale, Site, text_frame

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"
MEBIBYTE = 1 << 20
UNLIMITED = ("--message-rate", "1000000", "--data-rate", "1000000000")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with data_folder() as folder, running(folder / "node", *UNLIMITED) as program:
        yield Site(program)


async def test_text_that_no_table_takes_holds_up_nobody(site: Site, scale: Scale) -> None:
    """A NUL in a message id, before any boot: each such row used to be refused, one after the other."""
    poison = text_frame(rb'[2,"\u0000","X",{}]')
    async with site.crowd(scale.good) as crowd, site.attacker() as attacker:
        await attacker.flood(poison * 1_000, 20 * scale.times)
        await crowd.rounds(2)
    assert site.metric("voltrio_journal_dropped_total", kind="MessageLogged", reason="refused") == 0


async def test_garbage_flat_out_holds_up_nobody(site: Site, scale: Scale) -> None:
    garbage = text_frame(b"[2,garbage,garbage,]") * 500
    async with site.crowd(scale.good) as crowd, site.attacker() as attacker:
        await attacker.send(BOOT_FRAME)
        await crowd.goes_on_during(partial(attacker.flood, garbage, 2_000 * scale.times))
        assert site.metric("voltrio_journal_behind_bytes") < 8 * MEBIBYTE


async def test_large_messages_are_not_kept_whole(site: Site, scale: Scale) -> None:
    """317 bytes on the wire, 257 KiB in memory: what waits to be logged is bounded in bytes."""
    text = '[2,"1","Unheard",{"a":"%s"}]' % ("\N{PARTY POPPER}" * 65_536)
    emoji = frame(TEXT, Deflate(client=True).compress(text.encode()), MASK, rsv1=True)
    site.forget_peak()
    before = site.peak
    async with site.crowd(scale.good) as crowd, site.attacker(headers=DEFLATE) as attacker:
        await attacker.flood(emoji, 2_000 * scale.times)
        await crowd.rounds(2)
    print(f"{(site.peak - before) // MEBIBYTE} MiB more than before")
    assert site.peak - before < 64 * MEBIBYTE


async def test_secrets_on_purpose_hold_up_nobody(site: Site, scale: Scale) -> None:
    """Texts that take the longest to be searched for secrets."""
    texts = ["password ", "?key=1&", "a:b;", "eyJ", "-----BEGIN "]
    evil = [text_frame(b'[2,"1","X",{"psk://":"%s"}]' % (text * 1_500).encode()) for text in texts]
    async with site.crowd(scale.good) as crowd, site.attacker() as attacker:
        await attacker.send(BOOT_FRAME)
        await crowd.goes_on_during(partial(attacker.flood, b"".join(evil), 2_000 * scale.times))
