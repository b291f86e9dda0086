"""Viatom's rings: requests, replies, and streams of any kind."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.oximeters.said import Battery, Garbage, Oximetry
from protocols.oximeters.viatom import (
    INFO,
    LOW_BATTERY_PERCENT,
    MOST_PAYLOAD,
    MOTION_FROM,
    PIECE_OCTETS,
    READ,
    Charging,
    ViatomInfo,
    ViatomParser,
    ViatomReply,
    ViatomRequest,
    ViatomValues,
    info_request,
    pieces,
    read_request,
)
from protocols.reading import Quality
from tests.protocols.oximeters.cutting import (
    assert_cutting_says_the_same,
    last_oximetry,
    places,
    streams,
)
from tests.protocols.oximeters.vectors import said_of

PAYLOAD = bytes.fromhex("6148000000000050000038" + "0100")
VALUES = ViatomValues(
    spo2_percent=97, pulse_per_min=72, perfusion_index_percent=5.6, battery_percent=80
)
VALUE = Oximetry(spo2_percent=97, pulse_per_min=72, perfusion_index_percent=5.6)
RAW = ViatomReply(PAYLOAD).to_bytes()
INFORMATION = ViatomInfo(
    model="1652",
    serial_number="2052000001",
    software_version="1.4.0",
    battery_percent=64,
    charging=Charging.CHARGING,
)

numbers = st.builds(
    ViatomValues,
    spo2_percent=st.none() | st.integers(1, 100),
    pulse_per_min=st.none() | st.integers(1, 350).filter(lambda pulse: pulse != 255),
    perfusion_index_percent=st.none() | st.integers(1, 255).map(lambda n: n / 10),
    steps=st.integers(0, 0xFFFF_FFFF),
    battery_percent=st.none() | st.integers(0, 100),
    charging=st.sampled_from(Charging),
    motion=st.integers(0, 255),
    worn=st.booleans(),
)
descriptions = st.builds(
    ViatomInfo,
    model=st.text(max_size=8),
    serial_number=st.text(max_size=12),
    software_version=st.text(max_size=8),
    battery_percent=st.none() | st.integers(0, 100),
    charging=st.sampled_from(Charging),
)
payloads = numbers.map(ViatomValues.to_bytes) | descriptions.map(ViatomInfo.to_bytes)
raw_frames = st.builds(
    ViatomReply, payloads | st.binary(max_size=40), st.sampled_from((0, 0, 0, 1))
).map(ViatomReply.to_bytes)


def payload(spo2: int = 97, pulse: int = 72, index: int = 56, state: int = 1) -> bytes:
    return bytes((spo2,)) + pulse.to_bytes(2, "little") + PAYLOAD[3:10] + bytes((index, state, 0))


def test_the_published_requests() -> None:
    assert read_request().hex() == "aa17e8000000001b"
    assert info_request().hex() == "aa14eb00000000c6"


def test_the_ring_understands_what_it_is_asked() -> None:
    assert ViatomRequest.from_bytes(read_request()) == ViatomRequest(READ)
    assert ViatomRequest.from_bytes(info_request()) == ViatomRequest(INFO)


def test_values_and_their_bytes() -> None:
    assert ViatomValues.from_bytes(PAYLOAD) == VALUES
    assert VALUES.to_bytes() == PAYLOAD
    assert VALUES.quality == Quality.GOOD
    assert VALUES.battery == Battery(percent=80)


def test_a_reply_comes_in_pieces_of_twenty_bytes() -> None:
    assert [len(piece) for piece in pieces(RAW)] == [PIECE_OCTETS, 1]
    assert b"".join(pieces(RAW)) == RAW
    parser = ViatomParser()
    parser.receive_data(pieces(RAW)[0])
    assert parser.events() == []
    parser.receive_data(pieces(RAW)[1])
    assert parser.events() == [VALUE, Battery(percent=80)]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "begins"),
        (RAW[:7], "begins"),
        (b"\xaa" + RAW[1:], "begins"),
        (RAW[:2] + b"\xfe" + RAW[3:], "begins"),
        (RAW[:-1], "announces"),
        (RAW + b"\0", "announces"),
        (RAW[:-1] + bytes((RAW[-1] ^ 1,)), "checksum"),
        (RAW[:7] + b"\x60" + RAW[8:], "checksum"),
    ],
)
def test_what_is_no_reply_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        ViatomReply.from_bytes(raw)


def test_a_reply_is_no_request() -> None:
    with pytest.raises(DecodeError, match="begins with aa"):
        ViatomRequest.from_bytes(RAW)


@pytest.mark.parametrize("length", [0, 11, 14])
def test_values_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(DecodeError, match="12 or 13"):
        ViatomValues.from_bytes(bytes(length))


@pytest.mark.parametrize(("spo2", "known"), [(0, None), (1, 1), (100, 100), (255, None)])
def test_spo2_at_its_edges(spo2: int, known: int | None) -> None:
    assert ViatomValues.from_bytes(payload(spo2=spo2)).spo2_percent == known


@pytest.mark.parametrize(
    ("pulse", "known"),
    [(0, None), (1, 1), (254, 254), (255, None), (256, 256), (350, 350), (0xFFFF, None)],
)
def test_the_pulse_at_its_edges(pulse: int, known: int | None) -> None:
    assert ViatomValues.from_bytes(payload(pulse=pulse)).pulse_per_min == known


@pytest.mark.parametrize("wrong", [payload(spo2=101), payload(spo2=254), payload(pulse=351)])
def test_values_that_cannot_be_are_refused_not_clipped(wrong: bytes) -> None:
    with pytest.raises(DecodeError, match="needs 0 to"):
        ViatomValues.from_bytes(wrong)


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
    values = ViatomValues.from_bytes(payload(index=tenths))
    assert values.perfusion_index_percent == known
    assert values.quality == quality


@pytest.mark.parametrize(("motion", "moves"), [(0, False), (31, False), (32, True), (255, True)])
def test_motion_from_its_threshold_on(motion: int, *, moves: bool) -> None:
    assert MOTION_FROM == 32
    quality = replace(VALUES, motion=motion).quality
    assert quality == (Quality.MOTION if moves else Quality.GOOD)


def test_what_is_not_worn_knows_nothing() -> None:
    for state in (0x00, 0x90, 0xFE):
        values = ViatomValues.from_bytes(payload(state=state))
        assert values.quality == Quality.FINGER_OFF
        assert values.spo2_percent is None
        assert values.pulse_per_min is None
        assert values.perfusion_index_percent is None


def test_a_missing_value_is_invalid_only_while_nothing_else_says_why() -> None:
    missing = ViatomValues.from_bytes(payload(spo2=255))
    assert missing.quality == Quality.INVALID
    assert replace(missing, motion=MOTION_FROM).quality == Quality.MOTION
    assert ViatomValues.from_bytes(payload(pulse=0)).quality == Quality.INVALID


@pytest.mark.parametrize(
    ("percent", "charging", "low"),
    [
        (0, Charging.NO, True),
        (LOW_BATTERY_PERCENT, Charging.NO, True),
        (LOW_BATTERY_PERCENT + 1, Charging.NO, False),
        (LOW_BATTERY_PERCENT, Charging.CHARGING, False),
        (LOW_BATTERY_PERCENT, Charging.FULL, False),
        (None, Charging.NO, False),
    ],
)
def test_the_battery_is_low_unless_it_charges(
    percent: int | None, charging: Charging, *, low: bool
) -> None:
    battery = Battery(percent=percent, low=low)
    assert replace(VALUES, battery_percent=percent, charging=charging).battery == battery
    assert replace(INFORMATION, battery_percent=percent, charging=charging).battery == battery


@pytest.mark.parametrize(
    ("raw", "percent", "charging"),
    [
        ("0000", 0, Charging.NO),
        ("6401", 100, Charging.CHARGING),
        ("6502", None, Charging.FULL),
        ("ff03", None, Charging.NO),
    ],
)
def test_battery_and_charging_at_their_edges(
    raw: str, percent: int | None, charging: Charging
) -> None:
    values = ViatomValues.from_bytes(PAYLOAD[:7] + bytes.fromhex(raw) + PAYLOAD[9:])
    assert (values.battery_percent, values.charging) == (percent, charging)


def test_the_description_and_its_bytes() -> None:
    assert ViatomInfo.from_bytes(INFORMATION.to_bytes()) == INFORMATION
    assert ViatomInfo.from_bytes(INFORMATION.to_bytes() + b"\0\0\0") == INFORMATION
    assert ViatomInfo.from_bytes(b'{"CurBAT":64,"Region":["CE"]}').battery_percent == 64
    assert ViatomInfo.from_bytes(b"{}") == ViatomInfo()


@pytest.mark.parametrize("told", [b"", b"[]", b"{", b'{"Model":1}', b'{"SN":"\xff"}', b"[" * 512])
def test_a_description_that_is_none_is_refused(told: bytes) -> None:
    with pytest.raises(DecodeError, match="description"):
        ViatomInfo.from_bytes(told)


@pytest.mark.parametrize("told", ["", "101%", "-1%", "many", "²%", "8%%"])
def test_a_battery_of_the_description_that_is_none_is_not_known(told: str) -> None:
    information = ViatomInfo.from_bytes(f'{{"CurBAT":"{told}"}}'.encode())
    assert information.battery_percent is None


def test_a_refusal_is_kept_with_its_reason() -> None:
    refusal = ViatomReply(result=1).to_bytes()
    assert said_of(ViatomParser(), [refusal]) == [
        Garbage(raw=refusal, reason="the device refused with 01")
    ]


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
def test_a_value_that_cannot_be_is_not_written(values: ViatomValues) -> None:
    with pytest.raises(ValueError, match="on the wire"):
        values.to_bytes()


@given(numbers)
def test_values_survive_their_bytes(values: ViatomValues) -> None:
    if not values.worn:
        values = replace(
            values, spo2_percent=None, pulse_per_min=None, perfusion_index_percent=None
        )
    assert ViatomValues.from_bytes(values.to_bytes()) == values


@given(descriptions)
def test_a_description_survives_its_bytes(information: ViatomInfo) -> None:
    assert ViatomInfo.from_bytes(information.to_bytes()) == information


@given(st.integers(0, 255), st.binary(max_size=MOST_PAYLOAD))
def test_requests_and_replies_survive_their_bytes(code: int, data: bytes) -> None:
    assert ViatomRequest.from_bytes(ViatomRequest(code, data).to_bytes()) == ViatomRequest(
        code, data
    )
    assert ViatomReply.from_bytes(ViatomReply(data, code).to_bytes()) == ViatomReply(data, code)


@given(
    st.binary(max_size=40) | st.binary(max_size=30).map(lambda rest: b'{"SN":' + rest) | payloads
)
def test_any_bytes_whatever_raise_decode_error_only(data: bytes) -> None:
    for kind in (ViatomRequest, ViatomReply, ViatomValues, ViatomInfo):
        with contextlib.suppress(DecodeError):
            kind.from_bytes(data)
    said_of(ViatomParser(), [ViatomReply(data).to_bytes()])


@given(streams(raw_frames), places)
def test_what_is_said_does_not_depend_on_how_the_stream_is_cut(
    stream: bytes, where: list[int]
) -> None:
    assert_cutting_says_the_same(ViatomParser, stream, where)


@given(
    st.binary(max_size=40)
    | st.integers(0, MOST_PAYLOAD).map(lambda n: RAW[:5] + n.to_bytes(2, "little"))
)
def test_replies_after_garbage_are_found_as_soon_as_a_false_length_has_run_out(
    garbage: bytes,
) -> None:
    replies = [RAW] * (MOST_PAYLOAD // len(RAW) + 2)
    then = ViatomReply(replace(VALUES, spo2_percent=91).to_bytes()).to_bytes()
    said = said_of(ViatomParser(), [garbage, *replies, then])
    assert last_oximetry(said) == replace(VALUE, spo2_percent=91)


@pytest.mark.parametrize(("length", "taken"), [(0, True), (512, True), (513, False)])
def test_a_reply_is_as_long_as_what_is_asked_for(length: int, *, taken: bool) -> None:
    head = RAW[:5] + length.to_bytes(2, "little")
    assert (ViatomParser().cut(head) == 0) is taken
