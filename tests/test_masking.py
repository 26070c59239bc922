"""No secret is shown wherever it stands and however it is escaped; and what is none stays to be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.device import VariableName, is_secret
from engine.masking import (
    MASK,
    MOST_SEARCHED,
    are_plain,
    is_secret_name,
    masked_document,
    masked_members,
    masked_text,
    may_hold,
)
from engine.ocpp.blocks.device_model.configuration_keys import RULES
from engine.points.message_log import kept
from tests.fuzz.test_handlers import places
from tests.ocpp.strategies import example, schemas

MESSAGES = [schema for version in ("v16", "v201", "v21") for schema in schemas(version).values()]
NAMES = st.sampled_from(
    [
        "AuthorizationKey", "authorizationkey", "BasicAuthPassword", "apnPassword", "simPin", "SIM_PIN",
        "WifiPSK", "WiFiKey", "wifi_key", "ApiToken", "api-token", "SharedKey", "clientSecret", "private_key",
        "Credentials", "passphrase", "DB_PASSWD", "pass phrase", "encryption.key",
    ]
)  # fmt: skip


# --- planted secrets ---------------------------------------------------------------------------------------


class Secret:
    """Two parts that no message has in it, and something between them that a parser may stumble over."""

    def __init__(self, first: str, between: str, second: str) -> None:
        self.parts = (f"Zq{first}", f"Xj{second}")
        self.between = between

    def __str__(self) -> str:
        return self.between.join(self.parts)

    def quoted(self) -> str:
        """As part of a URL's query."""
        return "%2F".join(self.parts)

    def shown_in(self, text: str) -> bool:
        return any(part in text for part in self.parts)


LETTERS = st.text("abcdefghijkmnpqrstuvwxyz23456789", min_size=8, max_size=12)
IN_URLS = st.sampled_from(["", "/", "@", ":", "#", "?", "=", "&", "%40", "//", "@/"])
ANYWHERE = IN_URLS | st.sampled_from([" ", '"', "'", "\\", "<", "}", "é", ";", ","])


def documents(name: str, secret: str) -> dict[str, dict[str, Any]]:
    """Objects in which it is said to be one."""
    return {
        "by its name": {name: secret},
        "in a list": {name: [secret, {"x": secret}]},
        "1.6": {"key": name, "readonly": False, "value": secret},
        "2.x": {"component": {"name": "C"}, "variable": {"name": name}, "attributeValue": secret},
        "report": {"variable": {"name": name}, "variableAttribute": [{"type": "Actual", "value": secret}]},
        "before its name": {"value": secret, "key": name},
        "by where it is": {"vpn": {"server": "s", "key": secret}},
        "by what has it": {"component": {"name": "WifiCtrlr"}, "variable": {"name": "Key"}, "value": secret},
        "vendor": {"vendorId": "V", "messageId": f"Set{name}", "data": secret},
        "typed in": {"idToken": secret, "type": "KeyCode"},
    }


def texts(name: str, secret: Secret, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Iterator[str]:
    """Texts in which it looks like one."""
    yield f"{name}={secret}"
    yield f"a=1;{name}: {secret}"
    yield f"<{name}>{secret}</{name}>"
    yield repr({name: str(secret)})
    yield f"see https://host/p?a=1&X-Amz-Signature={secret.quoted()}&b=2"
    yield f"https://host/p?sv=2024&sig={secret.quoted()}"
    yield f"https://host/?token={secret.quoted()}#end"
    yield f"Authorization: Basic {secret}"
    yield f"GET / {name}={secret}\nnext line"
    yield f"-----BEGIN RSA PRIVATE KEY-----\n{secret}\n-----END RSA PRIVATE KEY-----\n"
    document = draw(st.sampled_from(sorted(documents(name, "").keys())))
    nested = escaped(documents(name, str(secret))[document], draw)
    yield nested
    yield nested[:-1]
    yield escaped(nested, draw)


def escaped(document: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    """The document as JSON, with letters and slashes escaped here and there."""
    every = draw(st.sampled_from([0, 1, 2, 7]))
    slashes = draw(st.booleans())

    def char(index: int, one: str) -> str:
        if one == "/" and slashes:
            return "\\/"
        if every and index % every == 0 and one.isalnum():
            return f"\\u{ord(one):04x}"
        return json.dumps(one)[1:-1]

    def written(value: Any) -> str:
        match value:
            case str():
                return '"' + "".join(char(i, c) for i, c in enumerate(value)) + '"'
            case dict():
                return "{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in value.items()) + "}"
            case list():
                return "[" + ",".join(map(written, value)) + "]"
        return json.dumps(value)

    return written(document)


@given(data=st.data(), name=NAMES, schema=st.sampled_from(MESSAGES))
@settings(max_examples=300, deadline=None)
def test_a_secret_anywhere_in_any_message_is_not_logged(data: st.DataObject, name: str, schema: Any) -> None:
    in_url = data.draw(st.booleans())
    secret = Secret(data.draw(LETTERS), data.draw(IN_URLS if in_url else ANYWHERE), data.draw(LETTERS))
    planted: list[Any] = [f"ftp://user:{secret}@host/path"] if in_url else []
    planted += documents(name, str(secret)).values() if not in_url else []
    planted += texts(name, secret, data.draw) if not in_url else []
    message = {"here": json.loads(json.dumps(example(schema), default=float))}
    container, key = data.draw(st.sampled_from(places(message)))
    container[key] = data.draw(st.sampled_from(planted))
    payload = escaped(message["here"], data.draw).encode()
    shown = kept(payload)
    assert not secret.shown_in(shown), (payload, shown)
    assert MASK in shown
    document = masked_document(payload)
    assert document is not None
    json.loads(document)
    assert masked_document(document) == document  # there is nothing more in it


# --- what is no secret -------------------------------------------------------------------------------------


def members(schema: Any) -> Iterator[str]:
    match schema:
        case dict():
            yield from schema.get("properties", {})
            for part in schema.values():
                yield from members(part)
        case list():
            for part in schema:
                yield from members(part)


def test_of_the_standard_names_those_are_secrets_that_are() -> None:
    names = {name for schema in MESSAGES for name in members(schema)} | RULES.keys()
    assert {name for name in names if is_secret_name(name)} == {
        "apnPassword", "authorizationkey", "basicAuthPassword", "password", "simPin"
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["key", "code", "idToken", "groupIdToken", "IdTokenUid", "PublicKey", "configurationKey",
     "GetConfigurationMaxKeys", "MasterPassGroupId", "AuthorizeRemoteTxRequests",
     "AuthorizationCacheEnabled", "token_id", "errorCode",
     "pingInterval", "authorization_id", "issuerKeyHash", "MaxCertificateChainSize"],
)  # fmt: skip
def test_other_names_are_none(name: str) -> None:
    assert not is_secret_name(name)


@given(schema=st.sampled_from(MESSAGES))
def test_ordinary_messages_stay_as_they_are(schema: Any) -> None:
    document = json.loads(json.dumps(example(schema), default=float))
    masked = json.loads(masked_document(json.dumps(document).encode()) or b"")
    assert {
        key for (one, key), (other, _) in zip(places(document), places(masked), strict=True)
        if not isinstance(one[key], dict | list) and one[key] != other[key]
    } <= {"apnPassword", "basicAuthPassword", "password", "simPin", "key", "idToken"}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "connect failed: password too short", "https://host:8080/path?page=2#top", "wss://csms.example/ocpp/CP1",
        "2026-03-01T12:00:00Z", "key", "AuthorizationKey", "ping: 5 ms", "idToken=04A2B3", "\\u00e9t\\u00e9",
        '{"wifi":{"ssid":"home"}}', "mapping = 7", "MII" + "Qx+/" * 300 + "==\n-----END CERTIFICATE-----",
    ],
)  # fmt: skip
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert masked_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ftp://u:p/w@x@host/log", "ftp://***@host/log"),
        (r"ftp:\/\/u:pw@host\/log", r"ftp:\/\/***@host\/log"),
        (
            "https://s3/f?X-Amz-Date=1&X-Amz-Signature=ab&x=2",
            "https://s3/f?X-Amz-Date=1&X-Amz-Signature=***&x=2",
        ),
        ("ssid=home;psk=hunter2;x=1", "ssid=home;psk=***"),
        ("password=one\nuser=two", "password=***\nuser=two"),
        ("Authorization: Bearer abc", "Authorization: ***"),
        ("sent Basic aHVudGVy to host", "sent Basic *** to host"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.sig", MASK),
        ('{"password": ', MASK),
        ("x" * MOST_SEARCHED + "password=1", MASK),
    ],
)
def test_as_little_is_masked_as_is_safe(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_a_variable_is_named_with_its_component() -> None:
    def named(component: str, variable: str) -> VariableName:
        return VariableName(component, "", 0, 0, variable, "")

    assert is_secret(named("SecurityCtrlr", "BasicAuthPassword"))
    assert is_secret(named("VpnCtrlr", "Key"))
    assert not is_secret(named("CustomizationCtrlr", "Key"))


def test_whether_there_is_a_secret_may_be_told() -> None:
    given = {"password": "", "has_password": True, "token": None, "pin": 4711, "nested": ({"apiKey": "x"},)}
    assert masked_members(given) == {
        "password": "", "has_password": True, "token": None, "pin": MASK, "nested": [{"apiKey": MASK}]
    }  # fmt: skip


def test_nesting_beyond_reason_is_masked_whole() -> None:
    text = "password=hunter2"
    for _ in range(9):
        text = json.dumps([text])
    assert "hunter2" not in masked_text(text)
    deep = b"[" * 50_000 + b'"password"' + b"]" * 50_000
    assert masked_document(deep) is None


@given(st.text() | st.binary().map(lambda data: data.decode(errors="replace")))
def test_any_text_can_be_masked(text: str) -> None:
    if not may_hold(text):
        assert masked_text(text) == text
    assert masked_text(masked_text(text)) == masked_text(text)
    masked_document(text.encode())


def test_a_document_without_a_secret_stays_to_the_letter_unless_a_member_comes_twice() -> None:
    kept = b'{"b":1.50,"a":"\\u00e4"}'
    assert masked_document(kept) == kept
    assert masked_document(b'{"password":"hunter22","password":"***"}') == b'{"password":"***"}'


def test_our_own_event_about_an_authorization_is_not_taken_apart() -> None:
    assert not may_hold('{"notification":"authorization.changed","authorizationId":1}')
    assert may_hold('{"authorizationId":1,"Authorization":"hunter22"}')


def test_one_search_tells_of_several_texts() -> None:
    assert are_plain(["StatusNotification", "0000018f-0000", "pas", "sword"])
    assert not are_plain(["StatusNotification", "My Password"])
