"""One target a codec family: any bytes whatever are decoded, or refused with `DecodeError`.

`tests/fuzz/test_targets.py` runs them with hypothesis in the suite, `python -m tests.fuzz` under
atheris, with coverage as its guide, for as long as one likes (`make soak`).
"""

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Final

from protocols import signalling
from protocols.beacons import eddystone, ibeacon, miband, minew, tamper
from protocols.errors import DecodeError
from protocols.gatt import (
    battery,
    blood_pressure,
    current_time,
    heart_rate,
    plx,
    racp,
    thermometer,
)
from protocols.medfloat import decode_float, decode_sfloat, encode_float, encode_sfloat
from protocols.oximeters import (
    berrymed,
    beurer_po60,
    choicemmed,
    emay,
    jumper,
    nonin,
    pc60fw,
    viatom,
)
from protocols.oximeters.stream import StreamParser
from protocols.phone import decode_batch
from protocols.qr import read_qr
from protocols.uplink import decode_from_gateway, decode_from_server, encode, salvage

Target = Callable[[bytes], None]


def _refuses_only_with_words(decode: Callable[[bytes], object], data: bytes) -> None:
    try:
        decode(data)
    except DecodeError:
        return


DECODERS: Final[tuple[Callable[[bytes], object], ...]] = (
    battery.BatteryLevel.from_bytes,
    blood_pressure.BloodPressureMeasurement.from_bytes,
    current_time.CurrentTime.from_bytes,
    heart_rate.HeartRateMeasurement.from_bytes,
    plx.PlxContinuous.from_bytes,
    plx.PlxSpotCheck.from_bytes,
    plx.PlxFeatures.from_bytes,
    racp.decode_answer,
    thermometer.TemperatureMeasurement.from_bytes,
)


def gatt(data: bytes) -> None:
    """Every value of a standard characteristic."""
    if data:
        _refuses_only_with_words(DECODERS[data[0] % len(DECODERS)], data[1:])


PARSERS: Final[tuple[Callable[[], StreamParser], ...]] = (
    berrymed.BerryMedParser,
    beurer_po60.BeurerParser,
    choicemmed.ChoiceMMedParser,
    emay.EmayParser,
    jumper.JumperParser,
    nonin.NoninParser,
    pc60fw.Pc60fwParser,
    viatom.ViatomParser,
)


def oximeters(data: bytes) -> None:
    """Every stream says the same whole, cut in pieces of two lengths, and byte for byte."""
    if len(data) < 3:
        return
    parser, step, stream = PARSERS[data[0] % len(PARSERS)], 1 + data[1] % 24, data[2:]
    whole = _said(parser, [stream])
    for size in (1, step):
        cuts = [*range(0, len(stream), size), len(stream)]
        assert _said(parser, [stream[a:b] for a, b in pairwise(cuts)]) == whole


def _said(parser: Callable[[], StreamParser], pieces: list[bytes]) -> list[object]:
    one = parser()
    for piece in pieces:
        one.receive_data(piece)
    return list(one.finish())


def beacons(data: bytes) -> None:
    """Every advertisement, and what a rule reads off it."""
    for decode in (
        eddystone.EddystoneUid.from_bytes,
        eddystone.EddystoneTlm.from_bytes,
        ibeacon.IBeacon.from_bytes,
        miband.BandHeartRate.from_bytes,
        minew.decode,
    ):
        _refuses_only_with_words(decode, data)
    for rule in tamper.PRESETS.values():
        rule.strap({ibeacon.COMPANY: data}, {minew.SERVICE_UUID: data})


def messages(data: bytes) -> None:
    """Every message: what is decoded is encoded to what decodes alike."""
    for decode in (decode_from_server, salvage, decode_batch, signalling.decode_from_browser):
        _refuses_only_with_words(decode, data)
    try:
        message = decode_from_gateway(data)
    except DecodeError:
        return
    assert decode_from_gateway(encode(message)) == message


def numbers(data: bytes) -> None:
    """Every number: what an SFLOAT or a FLOAT says is written and read back alike."""
    raw = int.from_bytes(data[:4], "little")
    sfloat, number = decode_sfloat(raw & 0xFFFF), decode_float(raw)
    assert decode_sfloat(encode_sfloat(sfloat)) == sfloat
    assert decode_float(encode_float(number)) == number


def codes(data: bytes) -> None:
    """Every text of a QR code."""
    _refuses_only_with_words(lambda raw: read_qr(raw, today=date(2026, 11, 24)), data)


TARGETS: Final[dict[str, Target]] = {
    target.__name__: target for target in (gatt, oximeters, beacons, messages, numbers, codes)
}
