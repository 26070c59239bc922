"""What the tests of this session claimed to prove did go through handlers, rules and answers as they ran."""

from __future__ import annotations

from tests.proving import CLAIMED


def test_claims_were_made_good() -> None:
    """Of those whose tests have all run and passed; all folders come before this file."""
    over = {name: one for name, one in CLAIMED.items() if one.passed == one.collected}
    missed = {name: sorted(one.keys - one.seen) for name, one in over.items() if one.keys - one.seen}
    assert not missed
