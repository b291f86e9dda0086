"""Blood Pressure Service (BLS 1.0): bytes in, whole value compared, bytes out again."""

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labmcp_ble_health import driver as oracle

from protocols.errors import DecodeError
from protocols.gatt.blood_pressure import BloodPressureMeasurement, BloodPressureStatus
from protocols.medfloat import encode_sfloat
from protocols.reading import Quality

AT = datetime(2026, 11, 23, 8, 5, 9)  # noqa: DTZ001 - a device's own time has no zone
EVERYTHING = bytes.fromhex("1e" + "7b005100" + "5f00" + "ea070b17080509" + "4800" + "01" + "0500")


def of(*pressures: float | None, flags: int = 0) -> bytes:
    return bytes((flags,)) + b"".join(encode_sfloat(p).to_bytes(2, "little") for p in pressures)


def test_a_measurement_with_every_field() -> None:
    value = BloodPressureMeasurement.from_bytes(EVERYTHING)
    assert value == BloodPressureMeasurement(
        systolic_mmhg=123.0,
        diastolic_mmhg=81.0,
        mean_arterial_mmhg=95.0,
        timestamp=AT,
        pulse_per_min=72.0,
        user_id=1,
        status=BloodPressureStatus.BODY_MOVEMENT | BloodPressureStatus.IRREGULAR_PULSE,
    )
    assert value.to_bytes() == EVERYTHING


def test_kilopascals_become_millimetres() -> None:
    value = BloodPressureMeasurement.from_bytes(of(16.0, 10.7, None, flags=0x01))
    assert (value.systolic_mmhg, value.diastolic_mmhg) == (120.0, 80.3)


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (0x0000, Quality.GOOD),
        (0x0001, Quality.MOTION),
        (0x0002, Quality.QUESTIONABLE),
        (0x0004, Quality.GOOD),
        (0x0008, Quality.GOOD),
        (0x0020, Quality.QUESTIONABLE),
        (0x0021, Quality.MOTION | Quality.QUESTIONABLE),
        (0xFF00, Quality.GOOD),
    ],
)
def test_what_the_status_costs_in_trust(status: int, quality: Quality) -> None:
    data = of(120, 80, 93, flags=0x10) + status.to_bytes(2, "little")
    assert BloodPressureMeasurement.from_bytes(data).quality == quality


@pytest.mark.parametrize("pressures", [(None, 80, 93), (120, None, 93), (0, 80, 93)])
def test_without_both_pressures_there_is_no_measurement(
    pressures: tuple[float | None, ...],
) -> None:
    assert Quality.INVALID in BloodPressureMeasurement.from_bytes(of(*pressures)).quality


@pytest.mark.parametrize(("mmhg", "taken"), [(400, True), (401, False), (-1, False)])
def test_a_pressure_beyond_the_possible_is_refused(mmhg: int, *, taken: bool) -> None:
    data = of(mmhg, 80, 93)
    if taken:
        assert BloodPressureMeasurement.from_bytes(data).systolic_mmhg == mmhg
        return
    with pytest.raises(DecodeError, match="systolic"):
        BloodPressureMeasurement.from_bytes(data)


def test_an_unknown_user_is_nobody() -> None:
    assert (
        BloodPressureMeasurement.from_bytes(of(120, 80, 93, flags=0x08) + b"\xff").user_id is None
    )


@pytest.mark.parametrize("octets", range(len(EVERYTHING)))
def test_what_is_cut_off_is_refused(octets: int) -> None:
    with pytest.raises(DecodeError):
        BloodPressureMeasurement.from_bytes(EVERYTHING[:octets])


@given(st.binary(max_size=24))
def test_any_bytes_are_decoded_or_refused_and_an_independent_decoder_agrees(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        value = BloodPressureMeasurement.from_bytes(data)
        theirs = oracle.parse_blood_pressure_measurement(data)
        if theirs.unit == "mmHg" and value.systolic_mmhg is not None:
            assert value.systolic_mmhg == pytest.approx(theirs.systolic.value, abs=0.051)
        assert value.user_id in (theirs.user_id, None)


@given(
    st.builds(
        BloodPressureMeasurement,
        systolic_mmhg=st.integers(min_value=1, max_value=400).map(float),
        diastolic_mmhg=st.integers(min_value=1, max_value=400).map(float),
        mean_arterial_mmhg=st.none() | st.integers(min_value=1, max_value=400).map(float),
        pulse_per_min=st.none() | st.integers(min_value=1, max_value=350).map(float),
        user_id=st.none() | st.integers(min_value=0, max_value=254),
        status=st.none() | st.sampled_from(BloodPressureStatus),
    )
)
def test_a_value_comes_back_from_its_bytes(value: BloodPressureMeasurement) -> None:
    assert BloodPressureMeasurement.from_bytes(value.to_bytes()) == value
