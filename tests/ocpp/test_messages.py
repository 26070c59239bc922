"""Generated Structs against the schemas they come from: every valid document passes through unchanged."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.state import Policy
from engine.ocpp.messages import CustomData, decode_hook, v16, v21, v201
from engine.ocpp.outcome import Decoded
from engine.ocpp.policy import decode
from engine.ocpp.rpc import ENCODER, encode
from tests.ocpp.strategies import example, schemas, to_json, valid

MODULES = {"v16": v16, "v201": v201, "v21": v21}
PROTOCOLS = {"v16": "ocpp1.6", "v201": "ocpp2.0.1", "v21": "ocpp2.1"}
NEWER = [(version, name) for version in ("v201", "v21") for name in schemas(version)]


@pytest.mark.parametrize("name", schemas("v16"))
@given(data=st.data())
def test_valid_documents_come_out_as_they_went_in(name, data):
    payload = to_json(data.draw(valid(schemas("v16")[name])))
    decoded = decode(getattr(v16, name), payload, Policy.STRICT)
    assert isinstance(decoded, Decoded), decoded
    assert decoded.repairs == ()
    assert ENCODER.encode(decoded.message) == payload


@pytest.mark.parametrize(("version", "name"), NEWER, ids=[f"{version}-{name}" for version, name in NEWER])
@settings(max_examples=3)  # there are three hundred schemas, and large ones
@given(data=st.data())
def test_valid_documents_of_2_x_are_accepted(version, name, data):
    payload = to_json(data.draw(valid(schemas(version)[name])))
    decoded = decode(getattr(MODULES[version], name), payload, Policy.STRICT, version=PROTOCOLS[version])
    assert isinstance(decoded, Decoded), decoded
    assert decoded.repairs == ()


@pytest.mark.parametrize("full", [True, False], ids=["full", "minimal"])
@pytest.mark.parametrize("version", MODULES)
def test_every_version_s_messages_keep_names_and_order(version, full):
    changed = {}
    for name, schema in schemas(version).items():
        payload = to_json(example(schema, full=full))
        decoded = decode(getattr(MODULES[version], name), payload, Policy.STRICT, version=PROTOCOLS[version])
        if not isinstance(decoded, Decoded) or ENCODER.encode(decoded.message) != payload:
            changed[name] = decoded
    assert not changed


@pytest.mark.parametrize("version", MODULES)
def test_no_message_is_sent_with_more_than_milliseconds(version):
    long, short = b"56.789000Z", b"56.789Z"
    for name, schema in schemas(version).items():
        payload = to_json(example(schema, full=True))
        message = msgspec.json.decode(payload, type=getattr(MODULES[version], name), dec_hook=decode_hook)
        assert encode(message) == payload.replace(long, short), name


def test_what_only_looks_like_a_time_is_sent_as_it_is():
    data = "2024-02-29T12:34:56.789000Z"
    message = v16.DataTransfer(vendor_id="x", data=data)
    assert msgspec.json.decode(encode(message))["data"] == data


def test_custom_data_keeps_what_vendors_put_in():
    decoder = msgspec.json.Decoder(v201.Heartbeat, dec_hook=decode_hook)
    payload = b'{"customData":{"vendorId":"x","deep":{"list":[1]}}}'
    message = decoder.decode(payload)
    assert message.custom_data == CustomData(vendorId="x", deep={"list": [1]})
    assert encode(message) == payload


@pytest.mark.parametrize("custom", [b"{}", b'{"vendorId":1}', b"[]", b'{"vendorId":"' + b"x" * 256 + b'"}'])
def test_custom_data_names_its_vendor(custom):
    decoder = msgspec.json.Decoder(v201.Heartbeat, dec_hook=decode_hook)
    with pytest.raises(msgspec.ValidationError):
        decoder.decode(b'{"customData":' + custom + b"}")
    assert not isinstance(decode(v201.Heartbeat, b'{"customData":' + custom + b"}", Policy.STRICT), Decoded)
