"""The metering kernel: exact numbers from text, and what several samples mean together."""

import importlib
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

REGISTER = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"
TOTALS = ("register_wh", "interval_uwh", "power_w", "current_a", "voltage_v", "soc_percent")


@dataclass
class Sample:
    value: str
    measurand: str = ""
    phase: str = ""
    location: str = ""
    context: str = ""
    format: str = ""
    unit: str = ""


@pytest.fixture(scope="session", params=["compiled", "plain"])
def metering(request: pytest.FixtureRequest, load_plain: Callable[[str], ModuleType]) -> ModuleType:
    return importlib.import_module("ext.metering") if request.param == "compiled" else load_plain("metering")


@pytest.fixture(scope="module")
def twins(load_plain: Callable[[str], ModuleType]) -> tuple[ModuleType, ModuleType]:
    return importlib.import_module("ext.metering"), load_plain("metering")


def told(metering: ModuleType, *samples: Sample) -> dict[str, object]:
    reading = metering.read(samples)
    return {name: getattr(reading, name) for name in TOTALS if getattr(reading, name) is not None}


@pytest.mark.parametrize(
    ("text", "exponent", "millionths"),
    [
        ("7", 0, 7_000_000),
        ("7.0", 0, 7_000_000),
        (" 7.25 ", 0, 7_250_000),
        ("12,5", 0, 12_500_000),
        ("+3", 0, 3_000_000),
        ("-0.5", 0, -500_000),
        (".5", 0, 500_000),
        ("5.", 0, 5_000_000),
        ("007", 0, 7_000_000),
        ("1.234567", 3, 1_234_567_000),
        ("0.0000005", 0, 0),  # half to even
        ("0.0000015", 0, 2),
        ("0.00000051", 0, 1),
        ("-0.0000015", 0, -2),
        ("1.5E3", 0, 1_500_000_000),
        ("1,5e-2", 3, 15_000_000),
        ("2000000000000", 0, 2_000_000_000_000_000_000),
    ],
)
def test_decimal_text_is_exact(metering: ModuleType, text: str, exponent: int, millionths: int) -> None:
    assert metering.parse(text, exponent) == millionths


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "-", "NaN", "inf", "-Infinity", "1.2.3", "1,234.5", "1 2", "- 5", "--5", "5-", "0x10",
        "1_0", "٣", "12 kWh", "1e", "e5", "1e999", "1e99", "3000000000000", "9" * 40, "5e12",
    ],
)  # fmt: skip
def test_what_is_no_number_is_unusable(metering: ModuleType, text: str) -> None:
    assert metering.parse(text, 0) == metering.UNUSABLE


@pytest.mark.parametrize(
    ("samples", "disputed"),
    [
        ([Sample("5000"), Sample("5100")], False),
        ([Sample("5000"), Sample("5101")], True),
        ([Sample("5101", context="Sample.Clock"), Sample("5000")], True),
        ([Sample("0", context="Transaction.Begin"), Sample("5000", context="Transaction.End")], False),
        ([Sample("5000", context="Transaction.End"), Sample("0", context="Transaction.Begin")], False),
        ([Sample("1000", phase="L1"), Sample("2000", phase="L2")], False),
        ([Sample("1000", phase="L1"), Sample("2000", phase="L1")], True),
        ([Sample("5000"), Sample("7000", location="Inlet")], False),
        ([Sample("1", location="Inlet"), Sample("7000", location="Inlet"), Sample("5000")], False),
        ([Sample("5000"), Sample("7.4", measurand="Power.Active.Import")], False),
    ],
)
def test_two_values_of_one_register_are_disputed(
    metering: ModuleType, samples: list[Sample], disputed: bool
) -> None:
    assert metering.read(samples).disputed is disputed


@pytest.mark.parametrize(
    ("context", "begins", "ends"),
    [("", False, False), ("Transaction.Begin", True, False), ("Transaction.End", False, True)],
)
def test_registers_of_begin_and_end_are_told_by_their_context(
    metering: ModuleType, context: str, begins: bool, ends: bool
) -> None:
    reading = metering.read([Sample("1"), Sample("5", location="Inlet", context=context)])
    assert (reading.begins, reading.ends) == (begins, ends)
    other = metering.read([Sample("230", measurand="Voltage", context=context)])
    assert (other.begins, other.ends) == (False, False)


@given(
    st.decimals(min_value=-(10**11), max_value=10**11, allow_nan=False, allow_infinity=False),
    st.sampled_from((0, 3)),
)
def test_rounding_is_half_to_even(
    twins: tuple[ModuleType, ModuleType], value: Decimal, exponent: int
) -> None:
    exact = value * 10 ** (6 + exponent)
    wanted = int(exact.to_integral_value(ROUND_HALF_EVEN))
    if abs(wanted) < 10**18:
        for twin in twins:
            assert twin.parse(f"{value:f}", exponent) == wanted


def test_defaults_are_a_periodic_import_register_in_wh_at_the_outlet(metering: ModuleType) -> None:
    assert told(metering, Sample("1500")) == {"register_wh": 1500}
    assert metering.identities([Sample("1500")]) == [f"{REGISTER}||Outlet|Sample.Periodic|Raw"]


@pytest.mark.parametrize(
    ("samples", "wanted"),
    [
        pytest.param([Sample("1.5", unit="kWh")], {"register_wh": 1500}, id="kWh"),
        pytest.param([Sample("1.5", unit="Wh")], {"register_wh": 2}, id="half to even up"),
        pytest.param([Sample("2.5", unit="Wh")], {"register_wh": 2}, id="half to even down"),
        pytest.param([Sample("7.4", "Power.Active.Import", unit="kW")], {"power_w": 7400.0}, id="kW"),
        pytest.param(
            [Sample("10", REGISTER, p) for p in ("L1", "L2", "L3")], {"register_wh": 30}, id="sum of phases"
        ),
        pytest.param(
            [Sample("10", REGISTER, p) for p in ("L1-N", "L2-N")], {"register_wh": 20}, id="two phases"
        ),
        pytest.param(
            [Sample("99", REGISTER), Sample("10", REGISTER, "L1")],
            {"register_wh": 99},
            id="total over phases",
        ),
        pytest.param([Sample("10", REGISTER, "L1"), Sample("", REGISTER, "L2")], {}, id="no sum with a gap"),
        pytest.param(
            [Sample("16", "Current.Import", "L1"), Sample("9", "Current.Import", "L2")],
            {"current_a": 16.0},
            id="largest current",
        ),
        pytest.param(
            [Sample("5", "Current.Import", "N"), Sample("16", "Current.Import", "L1")],
            {"current_a": 16.0},
            id="neutral is no phase",
        ),
        pytest.param(
            [Sample("230", "Voltage", "L1"), Sample("232", "Voltage", "L2-N")],
            {"voltage_v": 231.0},
            id="mean voltage",
        ),
        pytest.param(
            [Sample("230", "Voltage", "L1-N"), Sample("400", "Voltage", "L1-L2")],
            {"voltage_v": 230.0},
            id="line to neutral over line to line",
        ),
        pytest.param([Sample("55.5", "SoC", location="EV", unit="Percent")], {"soc_percent": 55.5}, id="SoC"),
        pytest.param([Sample("101", "SoC")], {}, id="SoC beyond 100"),
        pytest.param(
            [Sample("50", REGISTER, location="Inlet"), Sample("40", REGISTER)],
            {"register_wh": 40},
            id="outlet over inlet",
        ),
        pytest.param(
            [Sample("50", REGISTER, location="Inlet")], {"register_wh": 50}, id="inlet if there is no outlet"
        ),
        pytest.param(
            [
                Sample("10", REGISTER, context="Transaction.End"),
                Sample("3", REGISTER, context="Transaction.Begin"),
            ],
            {"register_wh": 10},
            id="begin and end under one time stamp",
        ),
        pytest.param([Sample("0.25", INTERVAL, unit="kWh")], {"interval_uwh": 250_000_000}, id="interval"),
        pytest.param(
            [Sample("9", INTERVAL, context="Sample.Clock")], {}, id="clock-aligned intervals overlap"
        ),
        pytest.param([Sample("OCMF|{}|…", format="SignedData")], {}, id="signed data is no number"),
        pytest.param([Sample("50", "Frequency"), Sample("3", "Power.Offered")], {}, id="others"),
    ],
)
def test_what_samples_mean_together(
    metering: ModuleType, samples: list[Sample], wanted: dict[str, object]
) -> None:
    assert told(metering, *samples) == wanted
    assert told(metering, *reversed(samples)) == wanted


def test_line_to_line_voltages_alone_are_brought_to_neutral(metering: ModuleType) -> None:
    reading = metering.read([Sample("400", "Voltage", p) for p in ("L1-L2", "L2-L3", "L3-L1")])
    assert math.isclose(reading.voltage_v, 400 / math.sqrt(3))


def test_unusable_values_are_counted_and_signed_ones_are_not(metering: ModuleType) -> None:
    samples = [Sample("NaN"), Sample("-1", "SoC"), Sample("x", format="SignedData"), Sample("", "Frequency")]
    assert metering.read(samples).unusable == 2


def test_the_fingerprint_is_of_the_identities_not_of_order_or_values(metering: ModuleType) -> None:
    one, other = Sample("1"), Sample("2", "Voltage", "L1")
    fingerprint = metering.read([one, other]).fingerprint
    assert fingerprint == metering.read([Sample("5", "Voltage", "L1"), one]).fingerprint
    assert fingerprint != metering.read([one]).fingerprint
    assert fingerprint != metering.read([one, Sample("2", "Voltage", "L2")]).fingerprint
    assert 0 <= fingerprint <= metering.FINGERPRINT


POWER = "Power.Active.Import"


@pytest.mark.parametrize(
    ("measurand", "unit", "wanted"),
    [
        (REGISTER, "", 2),
        (REGISTER, "Wh", 2),
        (REGISTER, "WH", 2),
        (REGISTER, " kWh", 2_000),
        (REGISTER, "KWh", 2_000),
        (REGISTER, "KWH ", 2_000),
        (REGISTER, "MWh", 2_000_000),
        (REGISTER, "MWH", 2_000_000),
        *((REGISTER, strange, None) for strange in ("mWh", "mwh", "varh", "kvarh", "W", "kW", "parsec", " ")),
        (POWER, "kW", 2_000.0),
        (POWER, "KW", 2_000.0),
        *((POWER, strange, None) for strange in ("kWh", "VA", "k")),
        ("Current.Import", "a", 2.0),
        ("Voltage", "kV", 2_000.0),
        ("SoC", "%", 2.0),
        ("SoC", "V", None),
    ],
)
def test_units_by_table_and_a_strange_one_makes_its_value_unusable(
    metering: ModuleType, measurand: str, unit: str, wanted: float | None
) -> None:
    text = metering.read([Sample("2", measurand, unit=unit)])
    number = metering.read_numbers([Number(2.0, measurand, unit_of_measure=Measure(unit))])
    values = ("register_wh", "power_w", "current_a", "voltage_v", "soc_percent")
    for reading in (text, number):
        assert {getattr(reading, name) for name in values} - {None} == {wanted} - {None}
        assert reading.unusable == (wanted is None)


def test_a_unit_and_a_multiplier_both_scale(metering: ModuleType) -> None:
    assert metering.read_numbers([Number(2.0, unit_of_measure=Measure("kWh", 1))]).register_wh == 20_000
    assert metering.read_numbers([Number(2.0, unit_of_measure=Measure("parsec", -90))]).register_wh is None


def test_a_register_is_of_a_series_and_the_others_are_told_beside_it(metering: ModuleType) -> None:
    phases = [Sample("10", REGISTER, p) for p in ("L1", "L2-N", "L3")]
    inlet = Sample("70", REGISTER, location="Inlet")
    alone = {metering.read(s).series for s in ([Sample("50")], [inlet], phases, phases[:1], [phases[1]], [])}
    assert len(alone) == 6
    whole, by_phase, at_inlet = (metering.read(s).series for s in ([Sample("50")], phases, [inlet]))
    for samples in itertools.permutations([Sample("50"), inlet, *phases]):
        reading = metering.read(samples)
        assert (reading.series, reading.register_wh) == (whole, 50)
        told_in = [
            reading.register_in(s) for s in (0, whole, by_phase, at_inlet, metering.read(phases[:1]).series)
        ]
        assert told_in == [50, 50, 30, 70, None]


def test_an_unreadable_outlet_does_not_give_way_to_the_inlet(metering: ModuleType) -> None:
    samples = [Sample("?"), Sample("70", REGISTER, location="Inlet")]
    for some in (samples, samples[::-1]):
        assert metering.read(some).register_wh is None


def test_more_kinds_than_are_kept_do_no_harm(metering: ModuleType) -> None:
    for number in range(5_000):
        metering.kind_of("Voltage", f"X{number}", "", "", "")
    assert told(metering, Sample("230", "Voltage")) == {"voltage_v": 230.0}


@given(
    st.lists(
        st.builds(
            Sample,
            st.one_of(
                st.text("0123456789.,+-eE \tN", max_size=24),
                st.decimals(-(10**13), 10**13, allow_nan=False).map(str),
            ),
            st.sampled_from(
                ("", REGISTER, INTERVAL, "Power.Active.Import", "Current.Import", "Voltage", "SoC", "RPM")
            ),
            st.sampled_from(("", "L1", "L2", "L3", "N", "L1-N", "L2-L3", "L1-L2")),
            st.sampled_from(("", "Outlet", "Inlet", "EV", "Body", "Elsewhere")),
            st.sampled_from(("", "Sample.Clock", "Transaction.End")),
            st.sampled_from(("", "Raw", "SignedData")),
            st.sampled_from(("", "kWh", "kW", "V", " KWH", "%")),
        ),
        max_size=8,
    )
)
def test_the_twins_agree(twins: tuple[ModuleType, ModuleType], samples: list[Sample]) -> None:
    compiled, plain = twins
    assert compiled.identities(samples) == plain.identities(samples)
    assert told(compiled, *samples) == told(plain, *samples)
    ours, theirs = compiled.read(samples), plain.read(samples)
    assert (ours.fingerprint, ours.unusable) == (theirs.fingerprint, theirs.unusable)
    for series in range(160):
        assert ours.register_in(series) == theirs.register_in(series)
    assert ours.series == theirs.series


@given(st.integers(-(2 * 10**18), 2 * 10**18))
def test_whole_units_agree_with_decimal(twins: tuple[ModuleType, ModuleType], millionths: int) -> None:
    wanted = int((Decimal(millionths) / 10**6).to_integral_value(ROUND_HALF_EVEN))
    assert [twin.whole_units(millionths) for twin in twins] == [wanted, wanted]


# --- OCPP 2.x: numbers -------------------------------------------------------------------------------------


@dataclass
class Measure:
    unit: str | None = None
    multiplier: int | None = None


@dataclass
class Number:
    value: float
    measurand: str | None = None
    phase: str | None = None
    unit_of_measure: Measure | None = None
    location: str | None = None
    context: str | None = None


@pytest.mark.parametrize(
    ("value", "exponent", "millionths"),
    [
        (0.0, 0, 0),
        (8.1, 0, 8_100_000),
        (0.1 + 0.2, 0, 300_000),
        (-12345.678, 3, -12_345_678_000_000),
        (12.5, -6, 12),
        (12.5, -7, 1),
        (5.0, -18, 0),
        (2e12, 0, 2_000_000_000_000_000_000),
    ],
)
def test_numbers_are_scaled_to_the_nearest_millionth(
    metering: ModuleType, value: float, exponent: int, millionths: int
) -> None:
    assert metering.scale(value, exponent) == millionths


@pytest.mark.parametrize(
    ("value", "exponent"),
    [(float("nan"), 0), (float("inf"), 0), (2.1e12, 0), (1.0, 13), (1.0, -25), (1.0, 2**31)],
)
def test_numbers_beyond_the_limit_are_unusable(metering: ModuleType, value: float, exponent: int) -> None:
    assert metering.scale(value, exponent) == metering.UNUSABLE


@given(
    st.one_of(
        st.floats(-2e18, 2e18, allow_nan=False),
        st.integers(-(2**53), 2**53).map(lambda halves: halves / 2),  # the ties
        st.sampled_from([-0.0, 2.0**51 + 0.5, 2.0**52 - 0.5, 2.0**52, -(2.0**52), -(2.0**51) - 1.5]),
    )
)
def test_millionths_are_rounded_as_by_round(metering: ModuleType, millionths: float) -> None:
    assert metering.scale(millionths, -6) == round(millionths)


def test_numbers_and_texts_mean_the_same(metering: ModuleType) -> None:
    numbers = [
        Number(1.5, unit_of_measure=Measure("kWh")),
        Number(74.0, "Power.Active.Import", unit_of_measure=Measure("W", 2)),
        Number(16.0, "Current.Import", "L1"),
        Number(230.4, "Voltage"),
        Number(55.0, "SoC", unit_of_measure=Measure()),
    ]
    texts = [
        Sample("1.5", unit="kWh"),
        Sample("7.4", "Power.Active.Import", unit="kW"),
        Sample("16", "Current.Import", "L1"),
        Sample("230.4", "Voltage"),
        Sample("55", "SoC"),
    ]
    one, other = metering.read_numbers(numbers), metering.read(texts)
    names = ("register_wh", "power_w", "current_a", "voltage_v", "soc_percent", "fingerprint", "unusable")
    assert [getattr(one, n) for n in names] == [getattr(other, n) for n in names]
    assert one.register_wh == 1_500
