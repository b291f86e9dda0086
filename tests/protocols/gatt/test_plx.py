"""Pulse Oximeter Service (PLXS 1.0.1): bytes in, whole value compared, bytes out again."""

import contextlib
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labmcp_ble_health import driver as oracle

from protocols.errors import DecodeError
from protocols.gatt.plx import (
    PlxContinuous,
    PlxFeature,
    PlxFeatures,
    PlxSpotCheck,
    Spo2Pulse,
)
from protocols.gatt.plx_status import MeasurementStatus, SensorStatus
from protocols.reading import Quality

AT = datetime(2026, 11, 23, 8, 5, 9)  # noqa: DTZ001 - a device's own time has no zone

BARE = bytes.fromhex("0061004800")
STATUSES = bytes.fromhex("0c61004800" + "2000" + "200000")
EVERYTHING = bytes.fromhex("1f61004800" + "60004700" + "62004900" + "2001" + "200800" + "0ff0")
STORED = bytes.fromhex("0d5c005800" + "ea070b17080509" + "200000" + "0cf0")


def test_a_bare_continuous_measurement() -> None:
    assert PlxContinuous.from_bytes(BARE) == PlxContinuous(spo2_percent=97, pulse_per_min=72)


def test_a_continuous_measurement_with_every_field() -> None:
    measured = PlxContinuous(
        spo2_percent=97,
        pulse_per_min=72,
        fast=Spo2Pulse(96, 71),
        slow=Spo2Pulse(98, 73),
        measurement_status=MeasurementStatus.MEASUREMENT_ONGOING
        | MeasurementStatus.FULLY_QUALIFIED_DATA,
        sensor_status=SensorStatus.LOW_PERFUSION_DETECTED | SensorStatus.SENSOR_UNCONNECTED_TO_USER,
        pulse_amplitude_index_percent=1.5,
    )
    assert PlxContinuous.from_bytes(EVERYTHING) == measured
    assert measured.to_bytes() == EVERYTHING
    assert measured.quality == Quality.LOW_PERFUSION | Quality.FINGER_OFF


def test_status_words_alone() -> None:
    measured = PlxContinuous.from_bytes(STATUSES)
    assert measured.measurement_status == MeasurementStatus.MEASUREMENT_ONGOING
    assert measured.sensor_status == SensorStatus.LOW_PERFUSION_DETECTED
    assert measured.fast is None
    assert measured.to_bytes() == STATUSES


@pytest.mark.parametrize("full", [BARE, STATUSES, EVERYTHING])
def test_a_continuous_measurement_cut_anywhere_is_refused(full: bytes) -> None:
    for length in range(len(full)):
        with pytest.raises(DecodeError, match="PLX Continuous"):
            PlxContinuous.from_bytes(full[:length])


@pytest.mark.parametrize("raw", ["ff07", "0008", "0108", "fe07", "0208"])
def test_special_and_reserved_numbers_are_not_known(raw: str) -> None:
    measured = PlxContinuous.from_bytes(bytes.fromhex("00" + raw + raw))
    assert measured == PlxContinuous(spo2_percent=None, pulse_per_min=None)


@pytest.mark.parametrize(
    ("spo2", "known"), [("0000", None), ("0100", 1.0), ("6400", 100.0), ("e9f3", None)]
)
def test_spo2_that_cannot_be_is_not_known(spo2: str, known: float | None) -> None:
    """Edges: 0 | 1 and 100 | 100.1 %."""
    assert PlxContinuous.from_bytes(bytes.fromhex("00" + spo2 + "4800")).spo2_percent == known


@pytest.mark.parametrize(
    ("pulse", "known"), [("0000", None), ("0100", 1.0), ("5e01", 350.0), ("5f01", None)]
)
def test_a_pulse_that_cannot_be_is_not_known(pulse: str, known: float | None) -> None:
    """Edges: 0 | 1 and 350 | 351 /min; 511 of some devices is not known either."""
    assert PlxContinuous.from_bytes(bytes.fromhex("006100" + pulse)).pulse_per_min == known
    assert PlxContinuous.from_bytes(bytes.fromhex("006100ff01")).pulse_per_min is None


@pytest.mark.parametrize(
    ("index", "known"), [("0000", 0.0), ("6400", 100.0), ("6500", None), ("ff0f", None)]
)
def test_a_pulse_amplitude_that_cannot_be_is_not_known(index: str, known: float | None) -> None:
    measured = PlxContinuous.from_bytes(bytes.fromhex("1061004800" + index))
    assert measured.pulse_amplitude_index_percent == known


def test_reserved_flags_and_later_fields_are_ignored() -> None:
    """docs/protocols.md: a later edition may add fields, and adds them at the end."""
    assert PlxContinuous.from_bytes(bytes.fromhex("e061004800aabb")) == PlxContinuous(
        spo2_percent=97, pulse_per_min=72
    )
    assert PlxSpotCheck.from_bytes(bytes.fromhex("e061004800aabb")) == PlxSpotCheck(
        spo2_percent=97, pulse_per_min=72
    )
    features = PlxFeatures.from_bytes(bytes.fromhex("40ff01"))
    assert PlxFeature.PULSE_AMPLITUDE_INDEX in features.features


def test_reserved_status_bits_are_kept_and_mean_nothing() -> None:
    measured = PlxContinuous.from_bytes(bytes.fromhex("0c61004800" + "1f00" + "0000ff"))
    assert measured.measurement_status == MeasurementStatus(0x001F)
    assert measured.sensor_status == SensorStatus(0xFF0000)
    assert measured.quality == Quality.GOOD
    assert PlxContinuous.from_bytes(measured.to_bytes()) == measured


def test_a_stored_spot_check_is_known_by_its_own_time() -> None:
    measured = PlxSpotCheck(
        spo2_percent=92,
        pulse_per_min=88,
        timestamp=AT,
        sensor_status=SensorStatus.LOW_PERFUSION_DETECTED,
        pulse_amplitude_index_percent=1.2,
    )
    assert PlxSpotCheck.from_bytes(STORED) == measured
    assert measured.to_bytes() == STORED
    assert measured.record == "2026-11-23T08:05:09"


def test_a_spot_check_whose_clock_was_never_set_has_no_record_and_says_so() -> None:
    measured = PlxSpotCheck(
        spo2_percent=92, pulse_per_min=88, timestamp=AT, device_clock_unset=True
    )
    assert measured.to_bytes()[0] == 0x11
    assert PlxSpotCheck.from_bytes(measured.to_bytes()) == measured
    assert measured.record is None
    assert measured.quality == Quality.DEVICE_CLOCK_UNSET


def test_a_spot_check_without_a_time_has_no_record() -> None:
    assert PlxSpotCheck.from_bytes(bytes.fromhex("0061004800")).record is None


def test_data_from_storage_is_marked() -> None:
    measured = PlxSpotCheck.from_bytes(bytes.fromhex("0261004800" + "0002"))
    assert measured.quality == Quality.FROM_STORAGE


def test_a_spot_check_cut_anywhere_is_refused() -> None:
    for length in range(len(STORED)):
        with pytest.raises(DecodeError):
            PlxSpotCheck.from_bytes(STORED[:length])


@pytest.mark.parametrize("unknown", ["00000000000000", "ea070017080509", "ea070b00080509"])
def test_a_date_with_unknown_parts_is_not_known(unknown: str) -> None:
    """GATT Specification Supplement, Date Time: 0 in year, month or day means not known."""
    assert PlxSpotCheck.from_bytes(bytes.fromhex("0161004800" + unknown)).timestamp is None


@pytest.mark.parametrize(
    "wrong",
    [
        "ea070d17080509",  # month 13
        "ea070b1f080509",  # 31 November
        "ea070b17180509",  # 24 h
        "ea070b17083c09",  # minute 60
        "ea070b1708053c",  # second 60
        "2d060b17080509",  # 1581
        "ffff0b17080509",  # 65535
    ],
)
def test_a_date_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(DecodeError, match="Date Time"):
        PlxSpotCheck.from_bytes(bytes.fromhex("0161004800" + wrong))


def test_the_first_year_of_the_calendar_is_accepted() -> None:
    measured = PlxSpotCheck.from_bytes(bytes.fromhex("0161004800" + "2e060b17080509"))
    assert measured.timestamp is not None
    assert measured.timestamp.year == 1582


def test_a_timestamp_with_a_zone_cannot_be_written() -> None:
    aware = PlxSpotCheck(spo2_percent=97, pulse_per_min=72, timestamp=AT.replace(tzinfo=UTC))
    with pytest.raises(ValueError, match="naive"):
        aware.to_bytes()


def test_features_with_both_support_fields() -> None:
    data = bytes.fromhex("4b00" + "e001" + "200800")
    features = PlxFeatures(
        PlxFeature.MEASUREMENT_STATUS
        | PlxFeature.SENSOR_STATUS
        | PlxFeature.SPOT_CHECK_TIMESTAMP
        | PlxFeature.PULSE_AMPLITUDE_INDEX,
        measurement_status_support=MeasurementStatus(0x01E0),
        sensor_status_support=SensorStatus(0x0820),
    )
    assert PlxFeatures.from_bytes(data) == features
    assert features.to_bytes() == data


def test_features_without_support_fields() -> None:
    assert PlxFeatures.from_bytes(b"\x00\x00") == PlxFeatures(PlxFeature(0))


def test_features_cut_anywhere_are_refused() -> None:
    data = bytes.fromhex("0300" + "e001" + "200800")
    for length in range(len(data)):
        with pytest.raises(DecodeError, match="PLX Features"):
            PlxFeatures.from_bytes(data[:length])


def test_features_that_contradict_themselves_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="announce"):
        PlxFeatures(PlxFeature.MEASUREMENT_STATUS).to_bytes()
    with pytest.raises(ValueError, match="announce"):
        PlxFeatures(PlxFeature(0), sensor_status_support=SensorStatus(0)).to_bytes()


@given(st.binary(max_size=24) | st.binary(min_size=5, max_size=24))
def test_any_bytes_whatever_raise_decode_error_only(data: bytes) -> None:
    for codec in (PlxContinuous, PlxSpotCheck, PlxFeatures):
        with contextlib.suppress(DecodeError):
            codec.from_bytes(data)


@given(st.binary(min_size=5, max_size=24))
def test_the_oracle_reads_the_same_numbers(data: bytes) -> None:
    try:
        measured = PlxContinuous.from_bytes(data)
    except DecodeError:
        with pytest.raises(Exception, match="Malformed"):
            oracle.parse_plx_continuous(data)
        return
    theirs = oracle.parse_plx_continuous(data)
    if measured.spo2_percent is not None:
        assert measured.spo2_percent == theirs.spo2_pct.value
    named = {bit.name.lower() for bit in measured.sensor_status or () if bit.name}
    assert {name.replace("_detected", "") for name in named} == {
        name.replace("_detected", "") for name in theirs.device_sensor_status
    }


def _sfloats(largest: int) -> st.SearchStrategy[float | None]:
    whole = st.integers(1, largest).map(float)
    tenths = st.integers(1, min(largest * 10, 2045)).map(lambda n: n / 10)
    return st.none() | whole | tenths


statuses = st.none() | st.integers(0, 0xFFFF).map(MeasurementStatus)
sensors = st.none() | st.integers(0, 0xFFFFFF).map(SensorStatus)
pairs = st.none() | st.builds(Spo2Pulse, _sfloats(100), _sfloats(350))
times = st.none() | st.datetimes(datetime(1582, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)


@given(
    st.builds(
        PlxContinuous,
        spo2_percent=_sfloats(100),
        pulse_per_min=_sfloats(350),
        fast=pairs,
        slow=pairs,
        measurement_status=statuses,
        sensor_status=sensors,
        pulse_amplitude_index_percent=_sfloats(100),
    )
)
def test_a_continuous_measurement_survives_its_bytes(measured: PlxContinuous) -> None:
    assert PlxContinuous.from_bytes(measured.to_bytes()) == measured


@given(
    st.builds(
        PlxSpotCheck,
        spo2_percent=_sfloats(100),
        pulse_per_min=_sfloats(350),
        timestamp=times,
        measurement_status=statuses,
        sensor_status=sensors,
        pulse_amplitude_index_percent=_sfloats(100),
        device_clock_unset=st.booleans(),
    )
)
def test_a_spot_check_survives_its_bytes(measured: PlxSpotCheck) -> None:
    assert PlxSpotCheck.from_bytes(measured.to_bytes()) == measured


def test_a_number_that_no_sfloat_holds_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="SFLOAT"):
        PlxContinuous(spo2_percent=math.nan, pulse_per_min=70).to_bytes()
