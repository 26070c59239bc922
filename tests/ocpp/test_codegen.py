"""The generated modules are what the generator writes today, and its names are the agreed ones."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from engine.ocpp.messages import v16, v21, v201
from tests.ocpp.strategies import schemas
from tools import codegen

MODULES = {"v16": v16, "v201": v201, "v21": v21}


def test_generated_modules_are_fresh():
    assert codegen.main(["--check"]) == 0


def test_check_names_what_is_stale(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(codegen, "MESSAGES", tmp_path)
    assert codegen.main(["--check", "v16"]) == 1
    assert "v16.py is stale" in capsys.readouterr().err
    assert codegen.main(["v16"]) == 0
    assert codegen.main(["--check", "v16"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["v16.py"]


def test_unknown_versions_are_refused(capsys):
    with pytest.raises(SystemExit) as refused:
        codegen.main(["v15"])
    assert refused.value.code == 2
    assert "v15" in capsys.readouterr().err


@pytest.mark.parametrize("version", MODULES)
def test_one_struct_per_schema_with_its_members_in_order(version):
    module = MODULES[version]
    for name, schema in schemas(version).items():
        fields = msgspec.structs.fields(getattr(module, name))
        assert [field.encode_name for field in fields] == list(schema.get("properties", {}))
        required = {field.encode_name for field in fields if field.required}
        assert required == set(schema.get("required", ()))


@pytest.mark.parametrize(("version", "calls", "sends"), [("v16", 39, 0), ("v201", 64, 0), ("v21", 90, 1)])
def test_actions_pair_requests_with_responses(version, calls, sends):
    module = MODULES[version]
    assert len(module.ACTIONS) == calls
    assert len(getattr(module, "SENT", {})) == sends
    for action, (request, response) in module.ACTIONS.items():
        assert (request.__name__, response.__name__) == (action, f"{action}Response")


def test_names_of_the_specification():
    assert v16.KeyValue is not None
    assert {"id_tag", "id_tag_info"} == set(v16.AuthorizationData.__struct_fields__)
    # One MeterValue for both messages that carry it.
    meter_values = msgspec.inspect.type_info(v16.MeterValues).fields[-1].type
    transaction_data = msgspec.inspect.type_info(v16.StopTransaction).fields[-1].type
    assert meter_values.item_type.cls is transaction_data.item_type.cls is v16.MeterValue


@pytest.mark.parametrize(
    ("member", "attribute"),
    [
        ("idTag", "id_tag"),
        ("csChargingProfiles", "cs_charging_profiles"),
        ("responderURL", "responder_url"),
        ("numEPriceLevels", "num_e_price_levels"),
        ("evSupportedDERControl", "ev_supported_der_control"),
        ("prioritizedEMAIDs", "prioritized_emaids"),
        ("limit_L2", "limit_l2"),
        ("from", "from_"),
    ],
)
def test_attributes_are_snake_case(member, attribute):
    assert codegen._attribute(member) == attribute


def test_different_contents_of_one_name_are_told_apart():
    one, other = ({"type": "string", "enum": [letter]} for letter in "ab")
    uses = [codegen.Type("Mode", one, "First"), codegen.Type("Mode", other, "Second")]
    uses += [codegen.Type("Mode", other, "Third")]
    space = codegen.Namespace(set(), uses)
    space.settle()
    assert [space.name(use) for use in uses] == ["FirstMode", "Mode", "Mode"]


def test_a_nested_type_never_takes_a_message_s_name():
    use = codegen.Type("Heartbeat", {"type": "string", "enum": ["a"]}, "Status")
    space = codegen.Namespace({"Heartbeat"}, [use])
    space.settle()
    assert space.name(use) == "StatusHeartbeat"


def test_one_version_does_not_import_the_others():
    code = (
        "import sys; import engine.ocpp.messages.v16; print(*[m for m in sys.modules if 'messages.v' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["engine.ocpp.messages.v16"]
