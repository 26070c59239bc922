"""Options of `voltrio simulate` and `voltrio demo`."""

import click
import pytest

from api.cli.simulate import shares, simulate


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        ("2.1", {"2.1": 100}),
        ("1.6=100", {"1.6": 100}),
        ("1.6=50, 2.0.1=40,2.1=10", {"1.6": 50, "2.0.1": 40, "2.1": 10}),
    ],
)
def test_shares_are_per_cent(text: str, mix: dict[str, int]) -> None:
    assert shares(click.Context(simulate), simulate.params[0], text) == mix


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.6=50", "together 100, not 50"),
        ("1.6=60,2.1=60", "together 100, not 120"),
        ("1.6,2.1", "'1.6' is none of VERSION=SHARE with 1.6, 2.0.1, 2.1"),
        ("1.6=50,1.6=50", "'1.6=50' is none"),
        ("3.0=100", "'3.0=100' is none"),
        ("1.6=-100", "'1.6=-100' is none"),
    ],
)
def test_other_shares_are_refused(text: str, said: str) -> None:
    with pytest.raises(click.BadParameter, match=said):
        shares(click.Context(simulate), simulate.params[0], text)
