"""Who asks, and what it may do."""

from engine.domain.caller import Caller, CallerKind


def test_a_caller_may_what_its_permissions_name_and_without_a_list_everything() -> None:
    watcher = Caller("token:prometheus", CallerKind.API_TOKEN, permissions=frozenset({"metrics"}))
    assert watcher.may("metrics")
    assert not watcher.may("admin")
    assert Caller("token:ops", CallerKind.API_TOKEN).may("anything")
    assert not Caller("anybody", CallerKind.ANYBODY, permissions=frozenset()).may("metrics")
