"""Whatever is wanted of a station: it is said in its version or refused; and whatever it answers is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from engine.errors import Invalid, NotSupported
from engine.ocpp.catalogue import ENCODINGS
from engine.ocpp.encoded import encoded
from engine.ocpp.operation import Operation, Result
from engine.ocpp.rpc import encode
from engine.ocpp.versions import PROTOCOLS
from tests.ocpp.encoding import answer_type
from tests.ocpp.test_blocks_properties import MAKERS, NOW, charge_points, messages_of

WORDS = st.sampled_from(
    ["A", "A/B", "C;x;1/D;;Target", "1", "7", "", "x" * 300, "https://example.org/x", "é"]
)
PERIODS = st.fixed_dictionaries(
    {"startPeriod": st.integers(-1, 60)},
    optional={"limit": st.sampled_from([1, -1, 6.05]), "operationMode": st.just("Idle"), "x": st.none()},
)
PROFILES = st.fixed_dictionaries(
    {
        "id": st.integers(-1, 9),
        "stackLevel": st.integers(-1, 2),
        "chargingProfilePurpose": st.sampled_from(["TxProfile", "TxDefaultProfile", "PriorityCharging", "x"]),
        "chargingProfileKind": st.sampled_from(["Absolute", "Relative", "Recurring", "Dynamic"]),
        "chargingSchedule": st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.just(1),
                    "chargingRateUnit": st.sampled_from(["A", "W", 1]),
                    "chargingSchedulePeriod": st.lists(PERIODS, max_size=2),
                }
            ),
            max_size=2,
        ),
    },
    optional={"transactionId": st.sampled_from(["7", "x", 7, None])},
)
DOCUMENTS = st.dictionaries(WORDS, WORDS | st.integers(), max_size=3) | PROFILES
MAKERS |= {
    inspect.DictType: lambda info: (
        st.dictionaries(WORDS, WORDS, max_size=3) if _is_text(info.value_type) else DOCUMENTS
    ),
    inspect.NoneType: lambda info: st.none(),
    inspect.VarTupleType: lambda info: st.lists(messages_of_type(info.item_type), max_size=4).map(tuple),
}
COMMANDS = [(version, kind) for version, known in ENCODINGS.items() for kind in known]


def _is_text(info: inspect.Type) -> bool:
    return isinstance(info, inspect.StrType)


def messages_of_type(info: inspect.Type) -> st.SearchStrategy[Any]:
    return WORDS if _is_text(info) else MAKERS[type(info)](info)


@pytest.mark.parametrize(("version", "kind"), COMMANDS)
@settings(max_examples=10)
@given(data=st.data())
def test_nothing_raises(version: str, kind: type[Operation], data: st.DataObject) -> None:
    cp = data.draw(charge_points(version))
    operation = data.draw(messages_of(kind))
    try:
        asked = encoded(operation, cp)
    except (Invalid, NotSupported):
        return
    answers: list[Any] = []
    for request in asked.requests:
        check = PROTOCOLS[version].outbound[type(request).__name__].check
        assert check is None or all(isinstance(reason, str) for reason in check(request, cp, NOW))
        assert encode(request)
        answers.append(data.draw(messages_of(answer_type(request, version))))
        if not asked.goes_on(answers[-1]):
            break
    assert isinstance(asked.read(answers), Result)
