"""Health Thermometer Service (HTS 1.0): bytes in, whole value compared, bytes out again."""

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labmcp_ble_health import driver as oracle

from protocols.errors import DecodeError
from protocols.gatt.thermometer import TemperatureMeasurement, TemperatureType
from protocols.medfloat import encode_float
from protocols.reading import Quality

AT = datetime(2026, 11, 23, 8, 5, 9)  # noqa: DTZ001 - a device's own time has no zone
PUBLISHED = bytes.fromhex("046c0100ff02")


def of(celsius: float | None, flags: int = 0) -> bytes:
    return bytes((flags,)) + encode_float(celsius).to_bytes(4, "little")


def test_the_published_measurement() -> None:
    value = TemperatureMeasurement.from_bytes(PUBLISHED)
    assert value == TemperatureMeasurement(temperature_celsius=36.4, site=TemperatureType.BODY)
    assert value.to_bytes() == PUBLISHED


def test_a_measurement_with_every_field() -> None:
    data = bytes.fromhex("066c0100ff" + "ea070b17080509" + "03")
    value = TemperatureMeasurement.from_bytes(data)
    assert value == TemperatureMeasurement(
        temperature_celsius=36.4, timestamp=AT, site=TemperatureType.EAR
    )
    assert value.to_bytes() == data


@pytest.mark.parametrize(("fahrenheit", "celsius"), [(98.6, 37.0), (100.4, 38.0), (68.0, 20.0)])
def test_fahrenheit_becomes_celsius(fahrenheit: float, celsius: float) -> None:
    value = TemperatureMeasurement.from_bytes(of(fahrenheit, flags=0x01))
    assert value.temperature_celsius == celsius


@pytest.mark.parametrize(
    ("celsius", "taken"), [(20.0, True), (50.0, True), (19.9, False), (50.1, False)]
)
def test_what_no_body_has_is_refused(celsius: float, *, taken: bool) -> None:
    if taken:
        assert TemperatureMeasurement.from_bytes(of(celsius)).temperature_celsius == celsius
        return
    with pytest.raises(DecodeError, match=r"20\.0 to 50\.0"):
        TemperatureMeasurement.from_bytes(of(celsius))


@pytest.mark.parametrize("special", ["ffff7f00", "00008000", "01008000"])
def test_no_number_is_no_temperature(special: str) -> None:
    value = TemperatureMeasurement.from_bytes(b"\x00" + bytes.fromhex(special))
    assert (value.temperature_celsius, value.quality) == (None, Quality.INVALID)


@pytest.mark.parametrize("site", [0, 10, 255])
def test_a_reserved_site_is_not_known(site: int) -> None:
    assert TemperatureMeasurement.from_bytes(of(37.0, 0x04) + bytes((site,))).site is None


@pytest.mark.parametrize("octets", range(13))
def test_what_is_cut_off_is_refused(octets: int) -> None:
    data = bytes.fromhex("066c0100ff" + "ea070b17080509" + "03")
    with pytest.raises(DecodeError):
        TemperatureMeasurement.from_bytes(data[:octets])


@given(st.binary(max_size=16))
def test_any_bytes_are_decoded_or_refused_and_an_independent_decoder_agrees(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        value = TemperatureMeasurement.from_bytes(data)
        theirs = oracle.parse_temperature_measurement(data)
        if value.temperature_celsius is not None and theirs.unit == "C":
            assert value.temperature_celsius == pytest.approx(theirs.value.value, abs=0.006)


@given(
    st.builds(
        TemperatureMeasurement,
        temperature_celsius=st.none()
        | st.integers(min_value=2000, max_value=5000).map(lambda n: n / 100),
        timestamp=st.none()
        | st.datetimes(datetime(1582, 1, 1)).map(  # noqa: DTZ001
            lambda at: at.replace(microsecond=0)
        ),
        site=st.none() | st.sampled_from(TemperatureType),
    )
)
def test_a_value_comes_back_from_its_bytes(value: TemperatureMeasurement) -> None:
    assert TemperatureMeasurement.from_bytes(value.to_bytes()) == value
