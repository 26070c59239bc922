"""Each word that a charger may say of these kinds has one of ours, in every version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from engine.domain.vocabulary import SessionReason, TagVerdict
from engine.ocpp import vocabulary
from engine.ocpp.messages import v16, v21, v201

# Table → members of messages whose words it knows.
MEMBERS: Mapping[str, list[tuple[type[msgspec.Struct], str]]] = {
    "STOP_REASONS": [
        (v16.StopTransaction, "reason"),
        (v201.Transaction, "stopped_reason"),
        (v21.Transaction, "stopped_reason"),
    ],
    "HARDWARE_STATUS": [
        (v16.StatusNotification, "status"),
        (v201.StatusNotification, "connector_status"),
        (v21.StatusNotification, "connector_status"),
    ],
    "CHARGING_STATES": [(v201.Transaction, "charging_state"), (v21.Transaction, "charging_state")],
    "RESERVATION_STATUS": [
        (v201.ReservationStatusUpdate, "reservation_update_status"),
        (v21.ReservationStatusUpdate, "reservation_update_status"),
    ],
    "UPLOAD_STATUS": [
        (v16.DiagnosticsStatusNotification, "status"),
        (v16.LogStatusNotification, "status"),
        (v201.LogStatusNotification, "status"),
        (v21.LogStatusNotification, "status"),
    ],
    "RECURRENCY": [
        (v16.ChargingProfile, "recurrency_kind"),
        (v201.ChargingProfile, "recurrency_kind"),
        (v21.ChargingProfile, "recurrency_kind"),
    ],
    "PROFILE_PURPOSES": [
        (v16.ChargingProfile, "charging_profile_purpose"),
        (v201.ChargingProfile, "charging_profile_purpose"),
        (v21.ChargingProfile, "charging_profile_purpose"),
    ],
}
# What the Public API's reference allows as a session's reason.
PUBLIC_REASONS = frozenset("""
    working_hours_exceeded timeout authorization_amount_reached new_start_transaction_received force_stop
    standard_stop energy_exceeded schedule_completed pre_authorization_failed system_force_stop time_limit
    balance_exceeded deauthorized emergencystop energylimitreached evdisconnected groundfault immediatereset
    hardreset local localoutofcredit masterpass other plug_and_charge overcurrentfault powerloss powerquality
    reboot remote soclimitreached stoppedbyev timeoutlimitreached softreset unlockcommand no_ev_parked
    no_ev_connected charge_point_timeout charging_on_evse_not_allowed remote_start_failed
    no_user_for_agile_streets rejected canceled_reservation evse_occupied evse_inoperative failed
    not_supported unknown_reservation ev_not_connected_to_evse authorization_failed unknown_session
    """.split())  # fmt: skip  # noqa: SIM905


def words(kind: Any) -> Iterator[str]:
    """The strings of a type that is made of Literals."""
    for part in get_args(kind):
        if isinstance(part, str):
            yield part
        else:
            yield from words(part)


@pytest.mark.parametrize("table", MEMBERS)
def test_a_table_knows_the_words_of_every_version_and_no_others(table: str) -> None:
    said = {word for message, member in MEMBERS[table] for word in words(get_type_hints(message)[member])}
    assert said == set(getattr(vocabulary, table))


def test_every_verdict_has_a_word_of_every_version() -> None:
    for table, message in (
        (vocabulary.AUTHORIZATION_STATUS_V16, v16.IdTagInfo),
        (vocabulary.AUTHORIZATION_STATUS_V2X, v201.IdTokenInfo),
        (vocabulary.AUTHORIZATION_STATUS_V2X, v21.IdTokenInfo),
    ):
        assert set(table) == set(TagVerdict)
        assert set(table.values()) <= set(words(get_type_hints(message)["status"]))


def test_reasons_are_published_in_words_of_the_public_api() -> None:
    assert {reason.public for reason in SessionReason} <= PUBLIC_REASONS
    same = {reason for reason in SessionReason if reason.public != "other"}
    assert len({reason.public for reason in same}) == len(same)


def test_no_word_of_ours_is_an_ocpp_word_in_small_letters() -> None:
    same = {said for said, ours in vocabulary.STOP_REASONS.items() if said.lower() == ours}
    assert same == {"DeAuthorized", "Local", "Other", "Reboot", "Remote", "Timeout"}
