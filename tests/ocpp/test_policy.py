"""Strict, repair and observe, by example. Every violation of every schema is in `test_violations`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.state import Policy
from engine.ocpp import walk
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.outcome import Decoded
from engine.ocpp.policy import FAULTS_2X, FAULTS_16, decode
from engine.ocpp.quirks import GENERIC, PROFILES, quirks_of
from engine.ocpp.rpc import MAX_DESCRIPTION, Code, encode
from engine.ocpp.step import Refusal
from engine.ocpp.walk import MAX_REPAIRS
from tests.ocpp.strategies import example, schemas, to_json, valid


def strict(kind, payload, version="ocpp1.6"):
    return decode(kind, payload, Policy.STRICT, version=version)


def repair(kind, payload, vendor="", model=""):
    return decode(kind, payload, Policy.REPAIR, vendor, model)


# --- strict ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "kind", "payload", "code"),
    [
        ("ocpp1.6", v16.Heartbeat, b'{"x":1}', Code.FORMAT_VIOLATION),
        ("ocpp2.0.1", v201.Heartbeat, b'{"x":1}', Code.PROTOCOL_ERROR),
        ("ocpp1.6", v16.Authorize, b"{}", Code.PROTOCOL_ERROR),
        ("ocpp2.0.1", v201.Authorize, b"{}", Code.OCCURRENCE_CONSTRAINT_VIOLATION),
        ("ocpp1.6", v16.Heartbeat, b"[]", Code.FORMAT_VIOLATION),
        ("ocpp2.1", v21.Heartbeat, b"[]", Code.PROTOCOL_ERROR),
        ("ocpp1.6", v16.Heartbeat, b"{},{}", Code.FORMAT_VIOLATION),
        ("ocpp2.0.1", v201.Heartbeat, b"{},{}", Code.RPC_FRAMEWORK_ERROR),
        ("ocpp2.1", v21.Heartbeat, b"{},", Code.FORMAT_VIOLATION),
        ("ocpp2.1", v21.Heartbeat, b"", Code.FORMAT_VIOLATION),
    ],
)
def test_versions_name_the_same_fault_differently(version, kind, payload, code):
    assert strict(kind, payload, version).code == code


def test_both_versions_know_every_keyword():
    assert FAULTS_16.keys() == FAULTS_2X.keys()


def test_the_first_violation_in_schema_order_is_reported():
    payload = b'{"zz":1,"timestamp":"x","meterStart":"x","idTag":7}'
    assert strict(v16.StartTransaction, payload).description.startswith("$.connectorId: missing")
    payload = b'{"zz":1,"timestamp":"x","meterStart":"x","connectorId":1,"idTag":7}'
    assert strict(v16.StartTransaction, payload).description.startswith("$.idTag: wrong type")


@pytest.mark.parametrize("policy", Policy)
def test_null_is_a_payload_without_members(policy):
    assert decode(v16.Heartbeat, b"null", policy) == Decoded(message=v16.Heartbeat())
    assert decode(v16.Authorize, b"null", policy).code == Code.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("limit", "accepted"),
    [
        *((limit, True) for limit in ("8.1", "8", "8.10", "0.0", "1e1", "-0.3", "2147483647.9")),
        *((limit, False) for limit in ("8.15", "0.01", "1e-2", "8.1000000000000000000000000000001")),
    ],
)
def test_multiple_of_a_tenth_is_judged_by_decimal_places(limit, accepted):
    document = example(schemas("v16")["SetChargingProfile"])
    text = to_json(document).replace(b'"limit":8.1', b'"limit":' + limit.encode())
    decoded = strict(v16.SetChargingProfile, text)
    assert isinstance(decoded, Decoded) is accepted
    if accepted:
        period = decoded.message.cs_charging_profiles.charging_schedule.charging_schedule_period[0]
        assert period.limit == Decimal(limit)


def test_a_decimal_as_text_is_a_type_violation():
    text = to_json(example(schemas("v16")["SetChargingProfile"])).replace(b'"limit":8.1', b'"limit":"8.1"')
    assert strict(v16.SetChargingProfile, text).code == Code.TYPE_CONSTRAINT_VIOLATION


# --- guards ------------------------------------------------------------------------------------------------

HOSTILE = {
    "empty": b"",
    "truncated": b'{"idTag":"a"',
    "trailing": b'{"idTag":"a"} x',
    "not utf-8": b'{"idTag":"\xff"}',
    "lone surrogate": rb'{"idTag":"\ud800"}',
    "surrogate in a name": rb'{"idTag":"a","\udfff":1}',
    "NaN": b'{"idTag":NaN}',
    "Infinity": b'{"idTag":-Infinity}',
    "deep list": b'{"idTag":' + b"[" * 100_000,
    "deep object": b'{"idTag":' + b'{"a":' * 100_000,
    "closed deep list": b'{"idTag":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "giant integer": b'{"idTag":' + b"9" * 100_000 + b"}",
    "bare comma": b'{"idTag":,}',
}


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_payloads_are_refused(payload, policy):
    decoded = decode(v16.Authorize, payload, policy)
    if isinstance(decoded, Decoded):  # only an unknown member can be left out
        assert decoded.repairs == ("unknown-member",)
        assert decoded.message == v16.Authorize(id_tag="a")
    else:
        assert len(decoded.description) <= MAX_DESCRIPTION
        assert decoded.description.isascii()


@pytest.mark.parametrize(
    "number",
    [
        b"1e999999999",
        b"-1e999999999",
        b"1e-999999999",
        b"1e99999999999999999999",
        b"9" * 5000,
        b"0." + b"1" * 5000,
    ],
)
def test_extreme_numbers_cost_nothing_and_are_refused(number):
    for kind, name in ((v16.RemoteStopTransaction, b"transactionId"), (v16.StopTransaction, b"meterStop")):
        payload = b'{"' + name + b'":' + number + b"}"
        assert isinstance(repair(kind, payload), Refusal)
    document = to_json(example(schemas("v16")["SetChargingProfile"]))
    assert isinstance(strict(v16.SetChargingProfile, document.replace(b":8.1", b":" + number)), Refusal)


def test_of_a_repeated_name_the_last_counts_on_both_paths():
    twice = b'{"idTag":"first","idTag":"last"}'
    assert strict(v16.Authorize, twice).message.id_tag == "last"
    assert repair(v16.Authorize, twice[:-1] + b',"x":1}').message.id_tag == "last"


def test_descriptions_echo_names_bounded_and_values_never():
    secret = b'{"idTag":"a","\\u0007' + b"N" * 5000 + b'":"hunter2"}'
    refused = strict(v16.Authorize, secret)
    assert refused.description == f"$.?{'N' * 39}: no such member"
    refused = strict(v16.ChangeConfiguration, b'{"key":"AuthorizationKey","value":["hunter2"]}')
    assert "hunter2" not in repr(refused)


@given(
    st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
    st.sampled_from(sorted(v16.ACTIONS)),
    st.sampled_from(Policy),
)
def test_no_bytes_make_it_raise(payload, action, policy):
    for kind in v16.ACTIONS[action]:
        assert isinstance(decode(kind, payload, policy), Decoded | Refusal)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.data(), action=st.sampled_from(sorted(schemas("v16"))))
def test_any_value_in_any_place_is_mended_or_refused(data, action):
    document = data.draw(valid(schemas("v16")[action]))
    if document:
        document[data.draw(st.sampled_from(sorted(document)))] = data.draw(JSON)
    kind = getattr(v16, action)
    payload = json.dumps(document, default=float).encode()
    judged, mended = strict(kind, payload), repair(kind, payload)
    if isinstance(judged, Decoded):
        assert mended == judged
    elif isinstance(mended, Decoded):
        assert isinstance(strict(kind, encode(mended.message)), Decoded)
    else:
        assert mended.code in FAULTS_16.values()


# --- repairs -----------------------------------------------------------------------------------------------

START = b'{"connectorId":1,"idTag":"A","meterStart":5,"timestamp":"2024-01-31T08:00:00Z"}'
STATUS = b'{"connectorId":1,"errorCode":"NoError","status":"Charging","timestamp":"2024-01-31T08:00:00Z"}'
STOP = b'{"idTag":"A","meterStop":9,"timestamp":"2024-01-31T08:00:00Z","transactionId":7,"reason":"Local"}'
BOOT = b'{"chargePointVendor":"V","chargePointModel":"M","firmwareVersion":"1"}'
SAMPLE = b'{"value":"1","measurand":"Voltage","unit":"V"}'
METER = (
    b'{"connectorId":1,"meterValue":[{"timestamp":"2024-01-31T08:00:00Z","sampledValue":[' + SAMPLE + b"]}]}"
)
READ = b'{"configurationKey":[{"key":"K","readonly":true,"value":"1"}]}'
EIGHT = b'"2024-01-31T08:00:00Z"'

MENDED = [
    # (rule, kind, payload, what is replaced, by what the charger sends); the result is the payload's message
    ("unknown-member", v16.StartTransaction, START, b"{", b'{"vendorExtra":{"a":[1]},'),
    ("null-optional", v16.StartTransaction, START, b"{", b'{"reservationId":null,'),
    ("empty-optional", v16.StartTransaction, START, b"{", b'{"reservationId":"",'),
    ("member-name", v16.StartTransaction, START, b"connectorId", b"ConnectorID"),
    ("member-name", v16.StopTransaction, STOP, b'"reason"', b'"disconnectReason"'),
    ("text-as-number", v16.StartTransaction, START, b":5", b':"5"'),
    ("text-as-number", v16.StartTransaction, START, b":5", b':" 5.0 "'),
    ("integral-number", v16.StartTransaction, START, b":5", b":5.0"),
    ("number-rounded", v16.StartTransaction, START, b":5", b":5.4"),
    ("number-rounded", v16.StopTransaction, STOP, b":9", b":8.5000001"),
    ("number-as-text", v16.MeterValues, METER, b'"value":"1"', b'"value":1'),
    ("boolean-as-text", v16.GetConfigurationResponse, READ.replace(b'"1"', b'"true"'), b'"true"', b"true"),
    ("text-as-boolean", v16.GetConfigurationResponse, READ, b"true", b'"True"'),
    ("number-as-boolean", v16.GetConfigurationResponse, READ, b"true", b"1"),
    ("enum-case", v16.StatusNotification, STATUS, b"Charging", b"charging"),
    ("enum-case", v16.StopTransaction, STOP, b"Local", b"LOCAL"),
    ("enum-spelling", v16.MeterValues, METER, b"Voltage", b" voltage-"),
    ("alias", v16.MeterValues, METER, b'"V"', b'"Volt"'),
    ("alias", v16.MeterValues, METER.replace(b'"V"', b'"Hertz"'), b'"Hertz"', b'"Hz"'),
    (
        "enum-other",
        v16.StatusNotification,
        STATUS.replace(b"NoError", b"OtherError"),
        b"OtherError",
        b"Error",
    ),
    ("enum-other", v16.StopTransaction, STOP.replace(b"Local", b"Other"), b"Other", b"BatteryFull"),
    ("zone-missing", v16.StartTransaction, START, EIGHT, b'"2024-01-31T08:00:00"'),
    (
        "zone-missing",  # a leap day that there was
        v16.StartTransaction,
        START.replace(b"01-31", b"02-29"),
        b'"2024-02-29T08:00:00Z"',
        b'"2024-02-29T08:00:00"',
    ),
    ("date-shape", v16.StartTransaction, START, EIGHT, b'"2024-01-31T11:00:00+03"'),
    ("date-shape", v16.StartTransaction, START, EIGHT, b'"2024/01/31 08:00:00 UTC"'),
    ("date-shape", v16.StartTransaction, START, EIGHT, b'"20240131T080000Z"'),
    ("date-shape", v16.StartTransaction, START, EIGHT, b'"2024-01-31T08:00Z"'),
    ("date-shape", v16.StartTransaction, START, EIGHT, b'"2024-01-31T08:00:00,000Z"'),
    ("padding", v16.StartTransaction, START, b'"A"', b'"A' + b" " * 30 + b'"'),
    ("nul-character", v16.StartTransaction, START, b'"A"', b'"A\\u0000\\u0000"'),
    ("text-cut", v16.BootNotification, BOOT.replace(b'"V"', b'"' + b"V" * 20 + b'"'), b"V" * 20, b"V" * 90),
    ("single-item", v16.MeterValues, METER, b"[" + SAMPLE + b"]", SAMPLE),
    ("item-dropped", v16.MeterValues, METER, b"[{" + b'"value"', b'[{"value":"3","unit":"furlong"},{"value"'),
    (
        "item-dropped",
        v16.MeterValues,
        METER,
        b'"meterValue":[',
        b'"meterValue":[{"timestamp":"?","sampledValue":[]},',
    ),
    ("empty-optional", v16.StopTransaction, STOP, b"{", b'{"transactionData":"",'),
    ("member-dropped", v16.StopTransaction, STOP, b"{", b'{"transactionData":7,'),
    (
        "object-as-text",
        v16.DataTransfer,
        b'{"vendorId":"v","data":"{\\"a\\":1.5}"}',
        rb'"{\"a\":1.5}"',
        b'{"a":1.5}',
    ),
]


@pytest.mark.parametrize(
    ("rule", "kind", "payload", "right", "wrong"), MENDED, ids=[f"{row[0]} {row[4]!r:.40}" for row in MENDED]
)
def test_mends(rule, kind, payload, right, wrong):
    expected = strict(kind, payload)
    assert isinstance(expected, Decoded), expected
    assert right in payload
    broken = payload.replace(right, wrong, 1)
    assert isinstance(strict(kind, broken), Refusal)
    mended = repair(kind, broken)
    assert isinstance(mended, Decoded), mended
    assert mended.message == expected.message
    assert rule in mended.repairs


REFUSED = [
    ("an id tag is never cut", v16.Authorize, b'{"idTag":"A"}', b'"A"', b'"' + b"A" * 21 + b'"'),
    ("a NUL inside an id tag is no padding", v16.Authorize, b'{"idTag":"A"}', b'"A"', b'"A\\u0000B"'),
    ("no meter start", v16.StartTransaction, START, b'"meterStart":5,', b""),
    ("a meter start of null", v16.StartTransaction, START, b":5", b":null"),
    ("no time stamp", v16.StartTransaction, START, b"," + b'"timestamp":' + EIGHT, b""),
    ("a date without a time", v16.MeterValues, METER, b'"2024-01-31T08:00:00Z"', b'"2024-01-31"'),
    ("a fractional connector", v16.StartTransaction, START, b'"connectorId":1', b'"connectorId":1.5'),
    ("an integer beyond 32 bits", v16.StartTransaction, START, b":5", b":2147483648"),
    ("no transaction id", v16.StopTransaction, STOP, b'"transactionId":7,', b""),
    ("an empty status", v16.StatusNotification, STATUS, b"Charging", b""),
    ("an unknown status", v16.StatusNotification, STATUS, b"Charging", b"Sleeping"),
    ("no sample that can be read", v16.MeterValues, METER, b'"V"', b'"furlong"'),
    ("an unknown measurand", v16.MeterValues, METER, b"Voltage", b"Tension"),
    ("a configuration value as object", v16.GetConfigurationResponse, READ, b'"1"', b'{"a":1}'),
    ("a certificate is never cut", v16.SignCertificate, b'{"csr":"x"}', b'"x"', b'"' + b"x" * 5501 + b'"'),
]


@pytest.mark.parametrize(
    ("_why", "kind", "payload", "right", "wrong"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_does_not_invent_meaning(_why, kind, payload, right, wrong):
    assert isinstance(strict(kind, payload), Decoded)
    assert right in payload
    assert isinstance(repair(kind, payload.replace(right, wrong, 1)), Refusal)


NEVER = datetime(1, 1, 2, tzinfo=UTC)
KNOWN_IN_PART = [
    (v16.StartTransaction, START, b'"A"', b'"' + b"A" * 21 + b'"', "id_tag", ""),
    (v16.StartTransaction, START, b'"A"', b'"A\\u0000B"', "id_tag", ""),
    (v16.StartTransaction, START, EIGHT, b'"2024-01-31"', "timestamp", NEVER),
    (v16.StartTransaction, START, EIGHT, b'"2024-02-31T08:00:00Z"', "timestamp", NEVER),
    (v16.StartTransaction, START, EIGHT, b'"2024-01-31T25:00:00Z"', "timestamp", NEVER),
    (v16.StartTransaction, START, EIGHT, b"null", "timestamp", NEVER),
    (v16.StopTransaction, STOP, EIGHT, b'"yesterday"', "timestamp", NEVER),
    (v16.StopTransaction, STOP, b":9", b':"nine"', "meter_stop", -1),
    (v16.StopTransaction, STOP, b":9", b":21474836480", "meter_stop", -1),
    (v16.StopTransaction, STOP, b":7", b":2147483648", "transaction_id", 0),
    (v16.StopTransaction, STOP, b":7", b':"seven"', "transaction_id", 0),
    (v16.StopTransaction, STOP, b'"A"', b'"' + b"A" * 21 + b'"', "id_tag", msgspec.UNSET),
    (v16.StopTransaction, STOP, b'"A"', b'"A\\u0000B"', "id_tag", msgspec.UNSET),
]


@pytest.mark.parametrize(
    ("kind", "payload", "right", "wrong", "member", "meant"),
    KNOWN_IN_PART,
    ids=[f"{row[0].__name__} {row[3]!r:.40}" for row in KNOWN_IN_PART],
)
def test_a_transaction_is_told_by_what_is_known_of_it(  # noqa: PLR0917 - the columns of the table
    kind, payload, right, wrong, member, meant
):
    assert right in payload
    broken = payload.replace(right, wrong, 1)
    assert isinstance(strict(kind, broken), Refusal)
    mended = repair(kind, broken)
    assert mended.message == msgspec.structs.replace(strict(kind, payload).message, **{member: meant})
    assert mended.repairs == ("member-dropped" if meant is msgspec.UNSET else "member-replaced",)


@pytest.mark.parametrize("absent", [True, False])
@pytest.mark.parametrize(
    ("name", "member", "meant"), [("timestamp", "timestamp", NEVER), ("meterStop", "meter_stop", -1)]
)
def test_a_transaction_ends_whatever_its_end_does_not_say(name, member, meant, absent):
    document = json.loads(STOP)
    if absent:
        del document[name]
    else:
        document[name] = None
    broken = json.dumps(document).encode()
    assert isinstance(strict(v16.StopTransaction, broken), Refusal)
    mended = repair(v16.StopTransaction, broken)
    whole = strict(v16.StopTransaction, STOP).message
    assert mended.message == msgspec.structs.replace(whole, **{member: meant})
    assert mended.repairs == ("default",)


@pytest.mark.parametrize("version", [v201, v21])
@pytest.mark.parametrize(
    ("member", "value", "rule"),
    [
        ("triggerReason", "Nonsense", "enum-other"),
        ("timestamp", "?", "member-replaced"),
        ("idToken", {"idToken": "x" * 256, "type": "Central"}, "member-dropped"),
        ("cableMaxCurrent", "much", "member-dropped"),
        ("evse", {"id": "left"}, "member-dropped"),
        ("transactionInfo.stoppedReason", "Weird", "enum-other"),
        ("transactionInfo.chargingState", "Finishing", "member-dropped"),
        ("transactionInfo.timeSpentCharging", 0.5, "member-dropped"),
    ],
)
def test_nothing_that_is_wrong_beside_it_costs_the_event(version, member, value, rule):
    event = {
        "eventType": "Ended", "timestamp": "2024-01-31T08:00:00Z", "triggerReason": "EVDeparted", "seqNo": 3,
        "transactionInfo": {"transactionId": "tx"},
    }  # fmt: skip
    into, _, name = member.rpartition(".")
    (event[into] if into else event)[name] = value
    mended = repair(version.TransactionEvent, json.dumps(event).encode())
    assert (mended.repairs, mended.places) == ((rule,), (f"$.{member}",))
    assert (mended.message.seq_no, mended.message.transaction_info.transaction_id) == (3, "tx")


@pytest.mark.parametrize(
    ("wrong", "left"),
    [
        ({"value": "a\0b"}, {"type": "Actual"}),
        ({"value": "x" * 2_501}, {"type": "Actual"}),
        ({"type": "Wrong"}, None),
    ],
)
def test_one_variable_does_not_cost_the_part_of_the_report(wrong, left):
    def variable(name, attribute):
        return {"component": {"name": "C"}, "variable": {"name": name}, "variableAttribute": [attribute]}

    good = variable("Good", {"value": "1"})
    report = {
        "requestId": 1, "generatedAt": "2024-01-31T08:00:00Z", "seqNo": 0,
        "reportData": [variable("Bad", {"type": "Actual", **wrong}), good],
    }  # fmt: skip
    mended = repair(v201.NotifyReport, json.dumps(report).encode())
    report["reportData"] = [good] if left is None else [variable("Bad", left), good]
    assert mended.message == strict(v201.NotifyReport, json.dumps(report).encode()).message


# --- bounds ------------------------------------------------------------------------------------------------


def many(count, sample):
    samples = ",".join([sample] * count)
    return (
        f'{{"connectorId":1,"meterValue":[{{"timestamp":"2024-01-31T08:00:00Z","sampledValue":[{samples}]}}]}}'
    ).encode()


def test_repairs_are_bounded_and_the_rest_is_dropped():
    mended = repair(v16.MeterValues, many(60_000, '{"value":1}'))
    assert len(mended.message.meter_value[0].sampled_value) == MAX_REPAIRS
    assert mended.repairs == ("number-as-text",) * MAX_REPAIRS + ("rest-dropped",)
    assert mended.places[-1] == f"$.meterValue[0].sampledValue[{MAX_REPAIRS}]"


@pytest.mark.parametrize(
    "odd", ["", '"unheard":1,', '"unheard":"\\u00e9",'], ids=["nothing", "a member", "an escape"]
)
def test_what_fits_is_not_walked(monkeypatch, odd):
    walked = []
    record = walk._Walk.record

    def counting(self, shape, value, path):
        walked.append(shape.name)
        return record(self, shape, value, path)

    monkeypatch.setattr(walk._Walk, "record", counting)
    document = many(10_000, '{"value":"1"}').replace(b"{", b"{" + odd.encode(), 1)
    mended = repair(v16.MeterValues, document)
    assert mended.message == strict(v16.MeterValues, many(10_000, '{"value":"1"}')).message
    assert walked == (["MeterValues"] if odd else [])


def test_characters_that_cannot_be_stored_are_found_beside_a_deviation():
    beside = many(2, '{"value":"1\\u0000"}').replace(b"{", b'{"unheard":1,', 1)
    mended = repair(v16.MeterValues, beside)
    assert mended.message == strict(v16.MeterValues, many(2, '{"value":"1"}')).message
    assert mended.repairs == ("nul-character", "nul-character", "unknown-member")
    assert isinstance(repair(v16.MeterValues, beside.replace(b"\\u0000", b"\\ud800")), Refusal)


def test_numbers_beside_a_deviation_are_what_they_are_alone():
    custom = '"customData":{"vendorId":"V","factor":[1.5,{"power":2e3}]}'
    sample = f'{{"timestamp":"2024-01-31T08:00:00Z","sampledValue":[{{"value":0.25,{custom}}}]}}'
    alone = f'{{"evseId":1,"meterValue":[{sample}]}}'.encode()
    beside = alone.replace(b"{", b'{"unheard":1,', 1)
    assert repair(v201.MeterValues, beside).message == strict(v201.MeterValues, alone).message
    endless = repair(v201.MeterValues, beside.replace(b"0.25", b"1e999"))
    assert isinstance(endless, Refusal) or not endless.message.meter_value[0].sampled_value


def test_items_that_are_dropped_count():
    mended = repair(
        v16.MeterValues, many(60_000, '{"unit":"furlong","value":"1"}').replace(b"furlong", b"V", 1)
    )
    assert len(mended.message.meter_value[0].sampled_value) == 1
    assert mended.repairs == ("item-dropped",) * MAX_REPAIRS + ("rest-dropped",)


@pytest.mark.parametrize("members", [MAX_REPAIRS + 1, 70_000], ids=["one too many", "far too many"])
def test_where_nothing_can_be_dropped_too_much_is_refused(members):
    noise = ",".join(f'"x{n}":1' for n in range(members))
    refused = repair(v16.Authorize, f'{{"idTag":"A",{noise}}}'.encode())
    assert refused.code == Code.FORMAT_VIOLATION
    assert isinstance(strict(v16.Authorize, f'{{"idTag":"A",{noise}}}'.encode()), Refusal)


def test_a_leap_day_that_is_none_is_the_first_of_march():
    payload = START.replace(EIGHT, b'"2022-02-29T07:02:33.000Z"')
    mended = repair(v16.StartTransaction, payload)
    assert mended.message.timestamp == datetime(2022, 3, 1, 7, 2, 33, tzinfo=UTC)
    assert mended.repairs == ("date-rollover",)


def test_limits_are_rounded_down():
    payload = to_json(example(schemas("v16")["GetCompositeScheduleResponse"])).replace(b":8.1", b":8.19")
    mended = repair(v16.GetCompositeScheduleResponse, payload)
    assert mended.message.charging_schedule.min_charging_rate == Decimal("8.1")
    assert set(mended.repairs) == {"number-rounded"}


def test_an_answer_rejected_with_dummies_is_still_an_answer():
    payload = (
        b'{"status":"Rejected","connectorId":0,"chargingSchedule":{"duration":0,"chargingSchedulePeriod":[],'
        b'"startSchedule":"0","chargingRateUnit":""},"scheduleStart":"0"}'
    )
    mended = repair(v16.GetCompositeScheduleResponse, payload)
    assert mended.message == v16.GetCompositeScheduleResponse(status="Rejected", connector_id=0)


def test_an_event_of_2_x_survives_its_readings():
    document = example(schemas("v201")["TransactionEvent"], full=False)
    sample = {"value": "much"}
    good = {"timestamp": "2024-01-31T08:00:00Z", "sampledValue": [{"value": 1.5}]}
    for readings, kept, rules in (
        ([{**good, "sampledValue": [sample]}], None, ("member-dropped",)),
        ([{**good, "sampledValue": [sample, {"value": 1.5}]}], [good], ("item-dropped",)),
        ([{**good, "sampledValue": [sample]}, good], [good], ("item-dropped",)),
    ):
        whole = to_json({**document, "meterValue": readings})
        mended = decode(v201.TransactionEvent, whole, Policy.REPAIR, version="ocpp2.0.1")
        assert mended.repairs == rules
        rest = {**document, "meterValue": kept} if kept else document
        assert mended.message == strict(v201.TransactionEvent, to_json(rest), "ocpp2.0.1").message


def test_places_say_where():
    mended = repair(v16.MeterValues, METER.replace(b'"V"', b'"v"'))
    assert (mended.repairs, mended.places) == (("enum-case",), ("$.meterValue[0].sampledValue[0].unit",))


# --- quirks ------------------------------------------------------------------------------------------------


def test_quirks_go_by_vendor():
    payload = METER.replace(b'"connectorId":1,', b"")
    assert isinstance(repair(v16.MeterValues, payload), Refusal)
    mended = repair(v16.MeterValues, payload, "Heidelberg", "Amperfied connect.business")
    assert mended.message.connector_id == 1
    assert mended.repairs == ("default",)


def test_a_vendor_s_broken_json_can_be_rewritten():
    payload = METER.replace(b'"meterValue"', b'"transactionId":,"meterValue"')
    assert isinstance(repair(v16.MeterValues, payload), Refusal)
    mended = repair(v16.MeterValues, payload, "AEFA", "Home OCPP")
    assert (mended.message, mended.repairs) == (strict(v16.MeterValues, METER).message, ("rewrite",))


def test_unknown_vendors_have_the_generic_quirks():
    assert quirks_of("Nobody", "Nothing") is GENERIC


def test_vendors_cannot_lose_the_generic_quirks():
    special = quirks_of("AEFA", "")
    assert special.aliases == GENERIC.aliases
    assert special.text == GENERIC.text
    assert special.rewrites


@pytest.mark.parametrize("quirks", [GENERIC, *PROFILES], ids=lambda quirks: quirks.vendor or "generic")
def test_every_quirk_names_a_member_and_a_value_that_exist(quirks):
    fields = {
        f"{kind.__name__}.{field.encode_name}": field
        for module in (v16, v201, v21)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        for field in msgspec.structs.fields(kind)
    }
    values = {
        key: {item for struct in (v16, v201, v21) for item in _choices(struct, key)}
        for key in {*quirks.aliases, *quirks.otherwise}
    }
    places = {*quirks.aliases, *quirks.otherwise, *quirks.defaults, *quirks.instead, *quirks.expendable}
    places |= {*quirks.rounded, *quirks.text, *quirks.embedded}
    places |= {f"{place.split('.')[0]}.{name}" for place, name in quirks.renames.items()}
    assert places <= fields.keys()
    for place, names in quirks.aliases.items():
        assert set(names.values()) <= values[place]
    for place, name in quirks.otherwise.items():
        assert name in values[place]


def _choices(module, place):
    struct, member = place.split(".")
    for field in msgspec.structs.fields(getattr(module, struct)) if hasattr(module, struct) else ():
        if field.encode_name == member:
            kind = msgspec.inspect.type_info(field.type)
            yield from getattr(kind, "values", ())


# --- the ends of the calendar ------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize(
    ("told", "day"),
    [
        ("9999-12-31T23:59:59-12:00", 30),
        ("9999-12-31T23:59:59Z", 30),
        ("9999-12-31 23:59:59.5-14:00", 30),
        ("0001-01-01T00:00:00+14:00", 2),
        ("0001-01-01t00:00:00z", 2),
    ],
)
def test_the_first_and_the_last_day_are_read_as_their_neighbours(policy: Policy, told: str, day: int) -> None:
    payload = f'{{"connectorId":1,"idTag":"A","meterStart":0,"timestamp":"{told}"}}'.encode()
    decoded = decode(v16.StartTransaction, payload, policy)
    assert isinstance(decoded, Decoded)
    assert decoded.message.timestamp.day == day  # type: ignore[attr-defined] # a StartTransaction
    # Room for what is reckoned with it.
    for margin in (-timedelta(hours=8), timedelta(hours=8)):
        decoded.message.timestamp.astimezone(UTC) + margin  # type: ignore[attr-defined]
