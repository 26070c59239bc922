import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.points.message_log import LONGEST, kept


def test_ordinary_payloads_are_kept_as_they_are() -> None:
    payload = b'{"connectorId": 1,  "idTag":"ABC"}'
    assert kept(payload) == payload.decode()


@pytest.mark.parametrize(
    "payload",
    [
        {"key": "AuthorizationKey", "value": "hunter22"},
        {"configurationKey": [{"key": "authorizationkey", "readonly": False, "value": "hunter22"}]},
        {"setVariableData": [{"variable": {"name": "BasicAuthPassword"}, "attributeValue": "hunter22"}]},
        {"connectionData": {"apn": {"apnPassword": "hunter22"}}},
        {"location": "ftp://user:hunter22@files.example/log"},
        {"data": {"password": 22222222, "also": "hunter22@", "SharedSecret": "hunter22"}},
    ],
)
def test_secrets_are_masked(payload: dict[str, object]) -> None:
    text = kept(json.dumps(payload).encode())
    assert "hunter22" not in text.replace('"hunter22@"', "")
    assert "22222222" not in text
    assert "***" in text
    json.loads(text)


def test_a_malformed_payload_that_may_hold_a_secret_is_not_kept() -> None:
    assert "hunter22" not in kept(b'{"key":"AuthorizationKey","value":"hunter22"')


@pytest.mark.parametrize("character", ["x", "é", "€", "\N{PARTY POPPER}"])
def test_long_payloads_are_cut_in_bytes_between_characters(character: str) -> None:
    for offset in range(4):
        text = kept(b'"' + b"x" * offset + character.encode() * LONGEST)
        assert LONGEST - 3 <= len(text.removesuffix("…").encode()) <= LONGEST
        assert text.strip('"x…').strip(character) == ""


def test_a_long_payload_that_may_hold_a_secret_is_not_kept() -> None:
    payload = json.dumps({"a": "x" * LONGEST, "password": "hunter22"}).encode()
    assert kept(payload) == f"*** ({len(payload)} bytes, and they may hold a secret)"


@given(st.binary(max_size=200))
def test_anything_can_be_kept(payload: bytes) -> None:
    kept(payload).encode()


@pytest.mark.parametrize(
    "word",
    [
        "authorizationKey", "Passwd", "passphrase", "clientSECRET", "privateKey", "private_key",
        "Credentials", "simPin", "SIM_PIN",
    ],
)  # fmt: skip
def test_whatever_is_called_a_secret_is_masked(word: str) -> None:
    assert kept(json.dumps({word: "hunter22"}).encode()) == f'{{"{word}":"***"}}'


def test_passwords_in_the_middle_of_nesting_beyond_reason() -> None:
    payload = b"[" * 50_000 + b'"password"' + b"]" * 50_000
    assert "***" in kept(payload)


def test_a_secret_variable_hides_the_values_of_its_attributes() -> None:
    report = {
        "reportData": [
            {
                "component": {"name": "SecurityCtrlr"},
                "variable": {"name": "BasicAuthPassword"},
                "variableAttribute": [{"type": "Actual", "value": "hunter2"}],
            },
            {
                "component": {"name": "OCPPCommCtrlr"},
                "variable": {"name": "HeartbeatInterval"},
                "variableAttribute": [{"value": "300"}],
            },
        ]
    }
    logged = kept(json.dumps(report).encode())
    assert "hunter2" not in logged
    assert "300" in logged


def test_a_network_profile_is_logged_without_its_secrets() -> None:
    profile = {
        "connectionData": {
            "apn": {"apn": "internet", "simPin": 4711, "apnPassword": "hunter1"},
            "vpn": {"server": "vpn.example", "user": "u", "password": "hunter2", "key": "hunter3"},
            "ocppCsmsUrl": "wss://csms.example",
        }
    }
    logged = kept(json.dumps(profile).encode())
    assert not any(secret in logged for secret in ("hunter", "4711"))
    assert all(open_ in logged for open_ in ("vpn.example", "wss://csms.example", "internet"))


def test_a_key_code_is_no_more_logged_than_a_password() -> None:
    authorize = {"idToken": {"idToken": "4711", "type": "KeyCode"}}
    assert json.loads(kept(json.dumps(authorize).encode())) == {
        "idToken": {"idToken": "***", "type": "KeyCode"}
    }
    started = {"eventType": "Started", "idToken": {"type": "keycode", "idToken": "4711"}}
    assert "4711" not in kept(json.dumps(started).encode())
    card = {"idToken": {"idToken": "4711", "type": "ISO14443"}, "groupIdToken": "KeyCode"}
    assert "4711" in kept(json.dumps(card).encode())
