"""Heart Rate Service (HRS 1.0): bytes in, whole value compared, bytes out again."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labmcp_ble_health import driver as oracle

from protocols.errors import DecodeError
from protocols.gatt.heart_rate import HeartRateMeasurement
from protocols.reading import Quality

PUBLISHED = bytes.fromhex("1648e203")


def test_the_published_measurement() -> None:
    value = HeartRateMeasurement.from_bytes(PUBLISHED)
    assert (value.heart_rate_per_min, value.contact, value.energy_expended_kj) == (72, True, None)
    assert value.rr_intervals_s == pytest.approx((0.971,), abs=0.001)
    assert value.quality == Quality.GOOD
    assert value.to_bytes() == PUBLISHED


@pytest.mark.parametrize(
    ("data", "rate", "contact", "quality"),
    [
        ("0048", 72, None, Quality.GOOD),
        ("0148 00", 72, None, Quality.GOOD),
        ("012c01", 300, None, Quality.GOOD),
        ("0648", 72, True, Quality.GOOD),
        ("0448", None, False, Quality.FINGER_OFF),
        ("0600", None, True, Quality.INVALID),
        ("0248", 72, None, Quality.GOOD),
        ("e048", 72, None, Quality.GOOD),
    ],
)
def test_rate_contact_and_what_they_are_worth(
    data: str, rate: int | None, contact: bool | None, quality: Quality
) -> None:
    value = HeartRateMeasurement.from_bytes(bytes.fromhex(data))
    assert (value.heart_rate_per_min, value.contact, value.quality) == (rate, contact, quality)


@pytest.mark.parametrize(("rate", "taken"), [(350, True), (351, False)])
def test_a_rate_beyond_the_possible_is_refused(rate: int, *, taken: bool) -> None:
    data = b"\x01" + rate.to_bytes(2, "little")
    if taken:
        assert HeartRateMeasurement.from_bytes(data).heart_rate_per_min == rate
        return
    with pytest.raises(DecodeError, match="351"):
        HeartRateMeasurement.from_bytes(data)


@pytest.mark.parametrize("data", ["", "00", "0148", "084801", "104801", "1048010203"])
def test_what_is_cut_off_is_refused(data: str) -> None:
    with pytest.raises(DecodeError, match="Heart Rate Measurement"):
        HeartRateMeasurement.from_bytes(bytes.fromhex(data))


@given(
    st.builds(
        HeartRateMeasurement,
        heart_rate_per_min=st.integers(min_value=1, max_value=350),
        contact=st.sampled_from([None, True]),
        energy_expended_kj=st.none() | st.integers(min_value=0, max_value=0xFFFF),
        rr_intervals_s=st.lists(
            st.integers(min_value=0, max_value=0xFFFF).map(lambda n: n / 1024), max_size=7
        ).map(tuple),
    )
)
def test_a_value_comes_back_from_its_bytes(value: HeartRateMeasurement) -> None:
    assert HeartRateMeasurement.from_bytes(value.to_bytes()) == value


@given(st.binary(max_size=24))
def test_any_bytes_are_decoded_or_refused_and_an_independent_decoder_agrees(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        value = HeartRateMeasurement.from_bytes(data)
        theirs = oracle.parse_heart_rate_measurement(data)
        assert value.contact == theirs.sensor_contact
        assert value.energy_expended_kj == theirs.energy_expended_kj
        assert list(value.rr_intervals_s) == theirs.rr_intervals_s
        if value.heart_rate_per_min is not None:
            assert value.heart_rate_per_min == theirs.bpm
