"""PC-60FW and KS-60FW: captures, edges, and streams of any kind."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.oximeters.pc60fw import (
    MOST_FOLLOWING,
    TOKEN_DEVICE,
    TOKEN_OXIMETER,
    TYPE_BATTERY,
    TYPE_PLETH,
    TYPE_VALUES,
    Pc60fwBattery,
    Pc60fwFrame,
    Pc60fwParser,
    Pc60fwStatus,
    Pc60fwValues,
)
from protocols.oximeters.said import Battery, Oximetry
from protocols.reading import Quality
from tests.protocols.oximeters.cutting import (
    assert_cutting_says_the_same,
    last_oximetry,
    places,
    streams,
)
from tests.protocols.oximeters.vectors import said_of

RAW = bytes.fromhex("AA550F08016248000F000079")
VALUES = Pc60fwValues(spo2_percent=98, pulse_per_min=72, perfusion_index_percent=1.5)
KS_60FW = bytes.fromhex("aa550f08015f55005700c0da")

numbers = st.builds(
    Pc60fwValues,
    spo2_percent=st.none() | st.integers(1, 100),
    pulse_per_min=st.none() | st.integers(1, 350).filter(lambda pulse: pulse != 255),
    perfusion_index_percent=st.none() | st.integers(1, 255).map(lambda n: n / 10),
    status=st.integers(0, 255).map(Pc60fwStatus),
    battery_level=st.integers(0, 3),
)
any_frames = st.builds(
    Pc60fwFrame,
    token=st.sampled_from((TOKEN_OXIMETER, TOKEN_DEVICE)),
    kind=st.sampled_from((TYPE_VALUES, TYPE_PLETH, TYPE_BATTERY, 0x21)) | st.integers(0, 255),
    content=st.binary(max_size=MOST_FOLLOWING - 2),
)
raw_frames = numbers.map(Pc60fwValues.to_bytes) | any_frames.map(Pc60fwFrame.to_bytes)


def content(spo2: int = 98, pulse: int = 72, index: int = 15, status: int = 0) -> bytes:
    return bytes((spo2,)) + pulse.to_bytes(2, "little") + bytes((index, status, 0))


def test_the_published_captures_and_their_bytes() -> None:
    assert Pc60fwValues.from_bytes(RAW) == VALUES
    assert VALUES.to_bytes() == RAW
    ks_60fw = Pc60fwValues(
        spo2_percent=95, pulse_per_min=85, perfusion_index_percent=8.7, battery_level=3
    )
    assert Pc60fwValues.from_bytes(KS_60FW) == ks_60fw
    assert ks_60fw.to_bytes() == KS_60FW


@pytest.mark.parametrize(
    ("level", "percent", "low"), [(0, 25, True), (1, 50, False), (2, 75, False), (3, 100, False)]
)
def test_the_battery_comes_in_quarters(level: int, percent: int, *, low: bool) -> None:
    battery = Pc60fwBattery(level)
    assert Pc60fwBattery.from_bytes(battery.to_bytes()) == battery
    assert (battery.percent, battery.low) == (percent, low)
    assert said_of(Pc60fwParser(), [battery.to_bytes()] * 2) == [Battery(percent=percent, low=low)]


def test_the_battery_of_the_published_capture() -> None:
    assert Pc60fwBattery.from_bytes(bytes.fromhex("aa55f0030303f6")) == Pc60fwBattery(3)


@pytest.mark.parametrize("wrong", [b"", b"\x04", b"\xff"])
def test_a_battery_level_that_is_none_is_refused(wrong: bytes) -> None:
    with pytest.raises(DecodeError, match="0 to 3"):
        Pc60fwBattery.from_bytes(Pc60fwFrame(TOKEN_DEVICE, TYPE_BATTERY, wrong).to_bytes())


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "begins"),
        (RAW[:5], "begins"),
        (b"\xab" + RAW[1:], "begins"),
        (RAW[:2] + b"\x10" + RAW[3:], "begins"),
        (RAW[:-1], "announces"),
        (RAW + b"\0", "announces"),
        (RAW[:-1] + b"\x78", "checksum"),
        (RAW[:5] + b"\x61" + RAW[6:], "checksum"),
    ],
)
def test_what_is_no_frame_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        Pc60fwFrame.from_bytes(raw)


def test_a_frame_of_another_type_is_not_taken_for_values_or_battery() -> None:
    pleth = bytes.fromhex("aa550f07025a57d24c45a7")
    for kind in (Pc60fwValues, Pc60fwBattery):
        with pytest.raises(DecodeError, match="0f 02"):
            kind.from_bytes(pleth)
    assert said_of(Pc60fwParser(), [pleth]) == []


@pytest.mark.parametrize(
    ("spo2", "known"), [(0, None), (1, 1), (100, 100), (127, None), (255, None)]
)
def test_spo2_at_its_edges(spo2: int, known: int | None) -> None:
    assert Pc60fwValues.from_content(content(spo2=spo2)).spo2_percent == known


@pytest.mark.parametrize(
    ("pulse", "known"),
    [(0, None), (1, 1), (254, 254), (255, None), (256, 256), (350, 350), (511, None)],
)
def test_the_pulse_at_its_edges(pulse: int, known: int | None) -> None:
    assert Pc60fwValues.from_content(content(pulse=pulse)).pulse_per_min == known


@pytest.mark.parametrize(
    "wrong",
    [content(spo2=101), content(spo2=254), content(pulse=351), content(pulse=512), content()[:5]],
)
def test_values_that_cannot_be_are_refused_not_clipped(wrong: bytes) -> None:
    with pytest.raises(DecodeError, match="need"):
        Pc60fwValues.from_content(wrong)


@pytest.mark.parametrize(
    ("tenths", "known", "quality"),
    [
        (0, None, Quality.GOOD),
        (2, 0.2, Quality.LOW_PERFUSION),
        (3, 0.3, Quality.GOOD),
        (255, 25.5, Quality.GOOD),
    ],
)
def test_the_perfusion_index_at_its_edges(
    tenths: int, known: float | None, quality: Quality
) -> None:
    values = Pc60fwValues.from_content(content(index=tenths))
    assert values.perfusion_index_percent == known
    assert values.quality == quality


@pytest.mark.parametrize(
    ("status", "quality", "known"),
    [
        (Pc60fwStatus.CLEAR, Quality.GOOD, True),
        (Pc60fwStatus.PROBE_OFF, Quality.FINGER_OFF, False),
        (Pc60fwStatus.SEARCHING, Quality.SEARCHING, True),
        (Pc60fwStatus.CHECK_PROBE, Quality.EQUIPMENT_FAULT, True),
        (Pc60fwStatus(0xF1), Quality.GOOD, True),
    ],
)
def test_each_status_bit_and_its_flag(
    status: Pc60fwStatus, quality: Quality, *, known: bool
) -> None:
    values = Pc60fwValues.from_content(content(status=status))
    assert values.quality == quality
    assert (values.spo2_percent is not None) is known
    assert (values.pulse_per_min is not None) is known
    assert (values.perfusion_index_percent is not None) is known


def test_a_missing_value_is_invalid_only_while_nothing_else_says_why() -> None:
    assert Pc60fwValues.from_content(content(spo2=0)).quality == Quality.INVALID
    assert Pc60fwValues.from_content(content(pulse=0)).quality == Quality.INVALID
    assert Pc60fwValues.from_content(content(spo2=0, status=4)).quality == Quality.SEARCHING


@pytest.mark.parametrize(
    "values",
    [
        replace(VALUES, spo2_percent=0),
        replace(VALUES, spo2_percent=101),
        replace(VALUES, pulse_per_min=0),
        replace(VALUES, pulse_per_min=255),
        replace(VALUES, pulse_per_min=351),
    ],
)
def test_a_value_that_cannot_be_is_not_written(values: Pc60fwValues) -> None:
    with pytest.raises(ValueError, match="on the wire"):
        values.to_bytes()


@given(numbers)
def test_values_survive_their_bytes(values: Pc60fwValues) -> None:
    if Pc60fwStatus.PROBE_OFF in values.status:
        values = replace(
            values, spo2_percent=None, pulse_per_min=None, perfusion_index_percent=None
        )
    assert Pc60fwValues.from_bytes(values.to_bytes()) == values


@given(any_frames)
def test_any_frame_survives_its_bytes_and_is_no_garbage_unless_its_content_is(
    frame: Pc60fwFrame,
) -> None:
    assert Pc60fwFrame.from_bytes(frame.to_bytes()) == frame
    if frame.kind not in (TYPE_VALUES, TYPE_BATTERY):
        assert said_of(Pc60fwParser(), [frame.to_bytes()]) == []


@given(st.binary(max_size=20) | streams(raw_frames))
def test_any_bytes_whatever_raise_decode_error_only(data: bytes) -> None:
    for kind in (Pc60fwFrame, Pc60fwValues, Pc60fwBattery):
        with contextlib.suppress(DecodeError):
            kind.from_bytes(data)


@given(streams(raw_frames), places)
def test_what_is_said_does_not_depend_on_how_the_stream_is_cut(
    stream: bytes, where: list[int]
) -> None:
    assert_cutting_says_the_same(Pc60fwParser, stream, where)


@given(st.binary(max_size=40) | st.integers(2, MOST_FOLLOWING).map(lambda n: RAW[:3] + bytes((n,))))
def test_frames_after_garbage_are_found_as_soon_as_a_false_length_has_run_out(
    garbage: bytes,
) -> None:
    frames = [RAW] * (MOST_FOLLOWING // len(RAW) + 2)
    said = said_of(Pc60fwParser(), [garbage, *frames, VALUES_THEN.to_bytes()])
    assert last_oximetry(said) == Oximetry(
        spo2_percent=91, pulse_per_min=72, perfusion_index_percent=1.5
    )


VALUES_THEN = replace(VALUES, spo2_percent=91)


@pytest.mark.parametrize(("following", "taken"), [(1, False), (2, True), (64, True), (65, False)])
def test_a_frame_is_as_long_as_the_family_knows(following: int, *, taken: bool) -> None:
    parser = Pc60fwParser()
    assert (parser.cut(RAW[:3] + bytes((following,))) == 0) is taken
