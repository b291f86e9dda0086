"""The uplink's messages: whole round trips, every limit, and a salvage that loses nothing."""

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import uplink
from protocols.errors import DecodeError
from protocols.reading import Consciousness, Oxygen, Quality, Reading, ReadingKind, Vitals
from protocols.uplink import (
    Ack,
    Batch,
    Challenge,
    Event,
    Failure,
    Gap,
    Hello,
    Proof,
    Refusal,
    Resume,
    Sample,
    StreamEpoch,
    Welcome,
    WireReading,
    content_key,
    decode_from_gateway,
    decode_from_server,
    encode,
    epoch_ms,
    instant,
    salvage,
    to_reading,
)

IDENTIFIERS = st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z")
EPOCH_MS = st.integers(0, 4_102_444_800_000)
PERCENT = st.none() | st.floats(0, 100)
BITS = st.integers(0, 2**16 - 1)
STREAMS = st.sampled_from(["live", "backlog"])
SEQS = st.integers(1, 2**53)
SAMPLES = st.builds(
    Sample, st.integers(0, 3_600_000), PERCENT, st.none() | st.floats(0, 350), PERCENT, BITS
)
READINGS = st.builds(
    WireReading,
    kind=st.sampled_from([kind.value for kind in ReadingKind]),
    at=EPOCH_MS,
    spo2_percent=PERCENT,
    pulse_per_min=st.none() | st.floats(0, 350),
    perfusion_index_percent=PERCENT,
    respiration_per_min=st.none() | st.floats(0, 150),
    temperature_celsius=st.none() | st.floats(20, 50),
    systolic_mmhg=st.none() | st.floats(0, 400),
    diastolic_mmhg=st.none() | st.floats(0, 400),
    oxygen=st.sampled_from([None, "air", "oxygen"]),
    consciousness=st.sampled_from([None, "A", "C", "V", "P", "U"]),
    quality=BITS,
    spo2_min_percent=PERCENT,
    quality_share=st.none() | st.floats(0, 1),
    record=st.none() | st.text(max_size=64),
    time_uncertain=st.booleans(),
)
EVENTS = st.builds(
    Event,
    st.sampled_from(["connected", "disconnected", "finger_off", "finger_on", "battery"]),
    EPOCH_MS,
    st.none() | st.floats(0, 1e12),
)
BATCHES = st.builds(
    Batch,
    STREAMS,
    SEQS,
    IDENTIFIERS,
    EPOCH_MS,
    st.lists(SAMPLES, max_size=12),
    st.lists(READINGS, max_size=4),
    st.lists(EVENTS, max_size=4),
)
HELLOS = st.builds(
    Hello,
    IDENTIFIERS,
    st.text(min_size=64, max_size=128),
    st.lists(
        st.builds(StreamEpoch, STREAMS, st.from_regex(r"\A[A-Za-z0-9-]{8,64}\Z")),
        min_size=1,
        max_size=2,
    ),
    st.text(max_size=64),
    st.booleans(),
    st.none() | st.text(min_size=44, max_size=44),
)
FROM_GATEWAY = BATCHES | HELLOS | st.builds(Gap, STREAMS, SEQS, st.text(max_size=120))
REFUSALS = st.lists(st.builds(Refusal, SEQS, st.text(max_size=20), st.text(max_size=20)))
FROM_SERVER = (
    st.builds(Challenge, st.text(min_size=32, max_size=128), EPOCH_MS)
    | st.builds(
        Proof,
        st.lists(st.text(max_size=44), min_size=2, max_size=2),
        st.lists(st.text(min_size=64, max_size=128), min_size=2, max_size=2),
    )
    | st.builds(Welcome, st.dictionaries(STREAMS, st.integers(0, 2**53)), EPOCH_MS)
    | st.builds(Ack, STREAMS, SEQS, REFUSALS)
    | st.builds(Resume, STREAMS, st.integers(0, 2**53))
    | st.builds(Failure, st.text(), st.text(), st.none() | st.floats(0, 1e6))
)


@given(FROM_GATEWAY)
def test_every_message_of_a_gateway_comes_back_as_it_went(message: uplink.FromGateway) -> None:
    assert decode_from_gateway(encode(message)) == message


@given(FROM_SERVER)
def test_every_message_of_the_server_comes_back_as_it_went(message: uplink.FromServer) -> None:
    assert decode_from_server(encode(message)) == message


@pytest.mark.asvs("1.5.2", "15.3.5")
@given(st.binary(max_size=400) | st.text(max_size=400))
def test_any_bytes_whatever_raise_decode_error_only(data: bytes | str) -> None:
    for decode in (decode_from_gateway, decode_from_server, salvage):
        try:
            decode(data)
        except DecodeError:
            continue


@given(BATCHES)
def test_salvage_keeps_the_whole_of_a_good_batch(batch: Batch) -> None:
    assert salvage(encode(batch)) == (batch, [])


@given(BATCHES, st.integers(0, 11), st.sampled_from(["x", [], {}, [-1], [0, 101]]))
def test_salvage_loses_only_the_part_that_is_bad(batch: Batch, at: int, bad: object) -> None:
    whole = msgspec.json.decode(encode(batch))
    samples = whole.setdefault("samples", [])
    place = min(at, len(samples))
    samples.insert(place, bad)
    kept, refused = salvage(msgspec.json.encode(whole))
    assert kept == batch
    assert [(r.seq, r.part) for r in refused] == [(batch.seq, f"samples[{place}]")]


def test_a_refusal_names_the_limit_and_the_value() -> None:
    _, refused = salvage(
        b'{"type":"batch","stream":"live","seq":3,"device":"d",'
        b'"readings":[{"kind":"spot","at":1,"spo2_percent":104}]}'
    )
    assert "100" in refused[0].reason
    assert "104" in refused[0].reason


LIMITS = [
    ("spo2_percent", 0, 100, 0.5),
    ("pulse_per_min", 0, 350, 0.5),
    ("perfusion_index_percent", 0, 100, 0.5),
    ("respiration_per_min", 0, 150, 0.5),
    ("temperature_celsius", 20, 50, 0.1),
    ("systolic_mmhg", 0, 400, 1),
    ("diastolic_mmhg", 0, 400, 1),
    ("quality_share", 0, 1, 0.01),
    ("quality", 0, 65_535, 1),
]


@pytest.mark.asvs("1.4.2", "2.2.1")
@pytest.mark.parametrize(("field", "lowest", "highest", "step"), LIMITS)
def test_both_ends_of_every_range_are_taken_and_what_lies_beyond_is_not(
    field: str, lowest: float, highest: float, step: float
) -> None:
    def frame(value: float) -> bytes:
        reading = {"kind": "spot", "at": 1, field: value}
        return msgspec.json.encode(
            {"type": "batch", "stream": "live", "seq": 1, "device": "d", "readings": [reading]}
        )

    for value in (lowest, highest):
        assert isinstance(decode_from_gateway(frame(value)), Batch)
    for value in (lowest - step, highest + step):
        with pytest.raises(DecodeError, match=field):
            decode_from_gateway(frame(value))


@pytest.mark.parametrize(
    ("field", "limit", "part"),
    [
        ("samples", uplink.MAX_SAMPLES, [0]),
        ("readings", uplink.MAX_READINGS, {"kind": "spot", "at": 1}),
        ("events", uplink.MAX_EVENTS, {"kind": "connected", "at": 1}),
    ],
)
def test_a_full_list_is_taken_and_one_more_is_refused_by_itself(
    field: str, limit: int, part: object
) -> None:
    frame = {"type": "batch", "stream": "live", "seq": 1, "device": "d", field: [part] * limit}
    assert isinstance(decode_from_gateway(msgspec.json.encode(frame)), Batch)
    frame[field] = [part] * (limit + 1)
    with pytest.raises(DecodeError):
        decode_from_gateway(msgspec.json.encode(frame))
    kept, refused = salvage(msgspec.json.encode(frame))
    assert len(getattr(kept, field)) == limit
    assert [r.part for r in refused] == [f"{field}[{limit}:]"]


def test_a_wire_reading_becomes_the_value_used_inside() -> None:
    wire = WireReading(
        kind="stored",
        at=1_795_458_833_445,
        spo2_percent=97,
        pulse_per_min=72,
        oxygen="oxygen",
        consciousness="V",
        quality=int(Quality.MOTION | Quality.FROM_STORAGE),
        record="17",
        time_uncertain=True,
    )
    assert to_reading(wire, "ox-1") == Reading(
        device_id="ox-1",
        kind=ReadingKind.STORED,
        measured_at=datetime(2026, 11, 23, 18, 33, 53, 445_000, tzinfo=UTC),
        vitals=Vitals(
            spo2_percent=97,
            pulse_per_min=72,
            oxygen=Oxygen.OXYGEN,
            consciousness=Consciousness.VOICE,
        ),
        quality=Quality.MOTION | Quality.FROM_STORAGE,
        record="17",
        time_uncertain=True,
    )


def _reading(**changes: object) -> Reading:
    whole = {"kind": "stored", "at": 1_000, "spo2_percent": 97.0, "record": "17"} | changes
    device = str(whole.pop("device", "ox-1"))
    return to_reading(WireReading(**whole), device)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other", [{"device": "ox-2"}, {"record": "18"}, {"spo2_percent": 96.0}, {"pulse_per_min": 70}]
)
def test_another_device_record_or_value_is_another_measurement(other: dict[str, object]) -> None:
    assert content_key(_reading(**other)) != content_key(_reading())


@pytest.mark.parametrize("same", [{"at": 9_999}, {"quality": 16}, {"kind": "spot"}])
def test_the_same_record_is_the_same_measurement_however_it_came(same: dict[str, object]) -> None:
    assert content_key(_reading(**same)) == content_key(_reading())


def test_without_a_record_the_time_tells_measurements_apart() -> None:
    assert content_key(_reading(record=None)) != content_key(_reading(record=None, at=2_000))


@given(EPOCH_MS)
def test_an_instant_survives_both_conversions(at_ms: int) -> None:
    assert epoch_ms(instant(at_ms)) == at_ms


@given(st.datetimes(datetime(1970, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_is_rounded_down_to_the_millisecond(at: datetime) -> None:
    assert instant(epoch_ms(at)) <= at < instant(epoch_ms(at)) + timedelta(milliseconds=1)


def test_absent_is_none_and_never_a_number() -> None:
    batch = decode_from_gateway(
        b'{"type":"batch","stream":"live","seq":1,"device":"d","samples":[[0,null,72]]}'
    )
    assert isinstance(batch, Batch)
    assert batch.samples == [Sample(0, None, 72.0)]
    assert not any(isinstance(v, float) and math.isnan(v) for v in msgspec.to_builtins(batch))
