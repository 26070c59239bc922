"""Descriptors shared out, and places: who gets one, who gives way, what a count forgets."""

import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.limits import LEAST, RESERVE, Place, Places, owner_of, share
from engine.settings import Settings


class Door:
    """Places and what was closed by them."""

    def __init__(self, limit: int = 3, per_address: int = 2, exempt: str = "") -> None:
        self.limit = limit
        self.places = Places(lambda: self.limit, per_address, lambda address: address == exempt)
        self.closed: list[str] = []

    def come(self, name: str, address: str | None = None) -> Place | None:
        return self.places.take(address or name, lambda: self.closed.append(name))

    def taken(self, name: str, address: str | None = None) -> Place:
        place = self.come(name, address)
        assert place is not None
        return place


def test_the_longest_idle_gives_way_at_a_full_door() -> None:
    door = Door()
    first, second, _ = (door.taken(name) for name in "abc")
    first.busy()
    door.taken("d")
    assert door.closed == ["b"]
    assert second.crowded_out
    first.idle()  # now it has been idle for the shortest time
    for name in "efg":
        door.taken(name)
    assert door.closed == ["b", "c", "d", "a"]
    assert len(door.places) == 3


def test_the_address_with_most_idle_connections_gives_way_first() -> None:
    door = Door(limit=6, per_address=6)
    door.taken("good", "10.0.0.1")
    for number in range(5):
        door.taken(f"bad{number}", "10.0.0.2")
    for number in range(3):  # others come, and find places
        door.taken(f"other{number}", f"10.0.1.{number}")
    assert door.closed == ["bad0", "bad1", "bad2"]
    for number in range(10):
        door.taken(f"worse{number}", "10.0.0.2")
    assert door.closed[3:5] == ["bad3", "bad4"]
    assert not {"good", "other0", "other1", "other2"} & set(door.closed)


@given(st.lists(st.tuples(st.sampled_from("tbilm"), st.integers(0, 3), st.integers(0, 30)), max_size=200))
def test_whatever_comes_and_goes_the_counts_are_right(steps: list[tuple[str, int, int]]) -> None:
    """Against the plainest model: a list of who is there, and whether it is idle."""
    closed: list[int] = []
    places = Places(lambda: 8, 5)
    there: dict[int, tuple[Place, int]] = {}  # number → its place and its address
    idle: dict[int, bool] = {}
    for number, (action, address, which) in enumerate(steps):
        chosen = list(there)[which % len(there)] if there else None
        if action == "t":
            place = places.take(str(address), partial(closed.append, number))
            for gone in closed:
                there.pop(gone, None)
                idle.pop(gone, None)
            if place is not None:
                there[number], idle[number] = (place, address), True
            else:
                assert not any(idle.values()) or sum(a == address for _, a in there.values()) == 5
        elif chosen is not None:
            place, _ = there[chosen]
            if action == "l":
                place.leave()
                del there[chosen], idle[chosen]
            elif action == "m":
                if place.move(str(address)):
                    there[chosen] = (place, address)
                for gone in closed:
                    there.pop(gone, None)
                    idle.pop(gone, None)
            else:
                idle[chosen] = action == "i"
                (place.idle if idle[chosen] else place.busy)()
        counts = Counter(address for number, (_, address) in there.items() if idle[number])
        largest = places._crowds.largest()
        assert len(places) == len(there) <= 8
        assert max(counts.values(), default=0) == (0 if largest is None else len(largest.idle))


def test_where_nobody_is_idle_the_newcomer_is_turned_away() -> None:
    door = Door()
    places = [door.taken(name) for name in "abc"]
    for place in places:
        place.busy()
    assert door.come("d") is None
    assert door.closed == []
    places[0].leave()
    assert door.come("d") is not None


def test_an_address_crowds_out_its_own() -> None:
    door = Door(limit=10)
    door.taken("other")
    door.taken("first", "10.0.0.1").busy()
    for name in ("second", "third"):
        door.taken(name, "10.0.0.1")
    assert door.closed == ["second"]
    assert len(door.places) == 3


def test_an_address_whose_share_is_busy_is_turned_away_and_others_are_not() -> None:
    door = Door(limit=10)
    for name in "ab":
        door.taken(name, "10.0.0.1").busy()
    assert door.come("c", "10.0.0.1") is None
    assert door.come("c", "10.0.0.2") is not None


def test_a_share_of_one_is_renewed() -> None:
    door = Door(per_address=1)
    for name in "abcd":
        door.taken(name, "10.0.0.1")
    assert door.closed == ["a", "b", "c"]
    assert len(door.places) == 1


def test_behind_a_proxy_the_address_counts_that_it_names() -> None:
    door = Door(limit=10, exempt="proxy")
    behind = [door.taken(str(number), "proxy") for number in range(4)]
    assert [place.move("10.0.0.1") for place in behind[:2]] == [True, True]
    for place in behind[:2]:
        place.busy()
    assert not behind[2].move("10.0.0.1")
    assert behind[3].move("10.0.0.2")
    assert door.closed == []
    behind[0].leave()
    assert behind[2].move("10.0.0.1")


def test_who_has_left_is_gone_for_good() -> None:
    door = Door()
    place = door.taken("a")
    for _ in range(2):
        place.leave()
    place.idle()
    assert not place.move("b")
    assert len(door.places) == 0
    assert door.places._origins == {}
    for name in "bcde":
        door.taken(name)
    assert door.closed == ["b"]


def test_a_limit_that_shrinks_counts_for_newcomers() -> None:
    door = Door()
    for name in "abc":
        door.taken(name).busy()
    door.limit = 2
    assert door.come("d") is None
    assert len(door.places) == 3


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("localhost", "localhost"),
    ],
)
def test_owners_of_addresses(address: str, owner: str) -> None:
    assert owner_of(address) == owner


@pytest.mark.parametrize("descriptors", [LEAST, 512, 1_024, 20_000, 524_288])
def test_shares_leave_a_reserve(descriptors: int) -> None:
    settings = Settings()
    shares = share(descriptors, settings)
    assert shares.sockets + shares.http <= descriptors - RESERVE
    assert 0 < shares.chargers < shares.sockets
    assert 0 < shares.http <= settings.max_http_connections
    assert shares.waiting <= shares.sockets


def test_shares_with_files_in_plenty_are_the_settings() -> None:
    settings = Settings()
    shares = share(524_288, settings)
    assert (shares.chargers, shares.waiting) == (settings.max_connections, settings.max_waiting)
    assert shares.http == settings.max_http_connections


@pytest.mark.parametrize(("descriptors", "chargers"), [(1_024, 735), (20_000, 17_693), (55_000, 50_000)])
def test_the_examples_that_the_page_on_limits_gives(descriptors: int, chargers: int) -> None:
    page = Path(__file__).parents[1].joinpath("docs", "how-to", "limits.md").read_text("utf-8")
    assert share(descriptors, Settings()).chargers == chargers
    assert f"{descriptors:,}" in page
    assert f"{chargers:,}" in page


def test_too_few_files_are_refused_with_the_remedy() -> None:
    with pytest.raises(SettingsError, match="LimitNOFILE"):
        share(LEAST - 1, Settings())


def test_the_soft_limit_of_open_files_is_raised() -> None:
    lines = (
        "import resource",
        "from engine.limits import open_files",
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))",
        "assert open_files() == min(hard, 1_048_576) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]",
    )
    subprocess.run([sys.executable, "-c", "; ".join(lines)], check=True)
