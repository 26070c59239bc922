"""One node for all attacks, as a program; each attack is small in `make check` and long in `make soak`.

    async def test_an_attack(site: Site, scale: Scale) -> None:
        async with site.crowd(scale.good) as crowd, site.attacker() as attacker:
            await attacker.flood(…, 100 * scale.times)
            await crowd.rounds(2)

What the good chargers lose is checked when the block of `site.crowd` ends (harness.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import data_folder
from tests.e2e.program import running
from tests.hostile.harness import LONG, SMALL, Scale, Site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with data_folder() as folder, running(folder / "node") as program:
        program.speak_from("127.0.0.3")  # attackers use up what 127.0.0.1 may ask
        yield Site(program)


@pytest.fixture(
    params=[pytest.param(SMALL, id="small"), pytest.param(LONG, id="long", marks=pytest.mark.soak)]
)
def scale(request: pytest.FixtureRequest) -> Scale:
    size: Scale = request.param
    return size
