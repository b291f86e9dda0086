"""Beacons: bytes in, whole value compared, bytes out again; a strap's bit where a rule says."""

import contextlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.beacons import miband, minew
from protocols.beacons.eddystone import EddystoneTlm, EddystoneUid
from protocols.beacons.ibeacon import COMPANY, IBeacon
from protocols.beacons.miband import BandHeartRate
from protocols.beacons.minew import MinewAcceleration, MinewInfo, MinewVibration
from protocols.beacons.tamper import (
    IBEACON_MAJOR,
    MINEW_VIBRATION,
    PRESETS,
    Strap,
    TamperRule,
)
from protocols.errors import DecodeError

WHO = UUID("f7826da6-4fa2-4e98-8024-bc5b71e0893e")
BEACON = bytes.fromhex("0215" + WHO.hex + "0001" + "00ff" + "c5")


def test_an_ibeacon() -> None:
    assert IBeacon.from_bytes(BEACON) == IBeacon(WHO, 1, 255, -59)
    assert IBeacon(WHO, 1, 255, -59).to_bytes() == BEACON


@pytest.mark.parametrize("data", [b"", BEACON[:-1], BEACON + b"\0", b"\x02\x16" + BEACON[2:]])
def test_what_is_no_ibeacon_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError, match="iBeacon"):
        IBeacon.from_bytes(data)


def test_an_eddystone_uid_with_and_without_its_reserved_octets() -> None:
    data = bytes.fromhex("00ee" + "00112233445566778899" + "aabbccddeeff")
    uid = EddystoneUid(bytes.fromhex("00112233445566778899"), bytes.fromhex("aabbccddeeff"), -18)
    assert EddystoneUid.from_bytes(data) == EddystoneUid.from_bytes(data + b"\0\0") == uid
    assert uid.to_bytes() == data


def test_an_eddystone_tlm() -> None:
    data = bytes.fromhex("2000" + "0bb8" + "1780" + "0000000a" + "00000064")
    tlm = EddystoneTlm(
        battery_volt=3.0, temperature_celsius=23.5, advertisements=10, since_boot_s=10.0
    )
    assert EddystoneTlm.from_bytes(data) == tlm
    assert tlm.to_bytes() == data


def test_a_tlm_without_battery_and_temperature() -> None:
    data = bytes.fromhex("2000" + "0000" + "8000" + "00000000" + "00000000")
    tlm = EddystoneTlm.from_bytes(data)
    assert (tlm.battery_volt, tlm.temperature_celsius) == (None, None)
    assert tlm.to_bytes() == data


@pytest.mark.parametrize("data", ["", "10ee", "2001" + "00" * 12, "2000" + "00" * 11, "00ee00"])
def test_what_is_no_such_eddystone_frame_is_refused(data: str) -> None:
    for kind in (EddystoneUid, EddystoneTlm):
        with pytest.raises(DecodeError, match="Eddystone"):
            kind.from_bytes(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        (
            "a10364" + "0100ff000080" + "665544332211",
            MinewAcceleration(100, 1.0, -1.0, 0.5, "11:22:33:44:55:66"),
        ),
        ("a10850" + "665544332211" + "506c7573", MinewInfo(80, "11:22:33:44:55:66", "Plus")),
        ("a118320100", MinewVibration(50, shaken=True)),
        ("a1183200", MinewVibration(50, shaken=False)),
    ],
)
def test_minew_frames(data: str, frame: minew.MinewFrame) -> None:
    assert minew.decode(bytes.fromhex(data)) == frame


@pytest.mark.parametrize("data", ["", "a1", "a2036400", "a1036501", "a103640102", "a1996400"])
def test_what_is_no_minew_frame_is_refused(data: str) -> None:
    with pytest.raises(DecodeError, match="Minew"):
        minew.decode(bytes.fromhex(data))


@pytest.mark.parametrize(("rate", "shown"), [(72, 72), (0xFF, None), (0, None), (1, 1), (254, 254)])
def test_a_bands_heart_rate(rate: int, shown: int | None) -> None:
    data = bytes((0x01, 0x02, 0x03, rate, 0x05))
    assert BandHeartRate.from_bytes(data) == BandHeartRate(shown)
    with pytest.raises(DecodeError, match="got 3"):
        BandHeartRate.from_bytes(data[: miband.RATE_AT])


@pytest.mark.parametrize(
    ("major", "strap"), [(0x0001, Strap.CLOSED), (0x8001, Strap.OPEN), (0x7FFF, Strap.CLOSED)]
)
def test_a_strap_told_by_the_major_number(major: int, strap: Strap) -> None:
    data = IBeacon(WHO, major, 1, -59).to_bytes()
    assert IBEACON_MAJOR.strap({COMPANY: data}, {}) is strap


def test_a_strap_told_by_a_vibration() -> None:
    open_ = {minew.SERVICE_UUID: bytes.fromhex("a1183201")}
    closed = {minew.SERVICE_UUID: bytes.fromhex("a1183200")}
    assert MINEW_VIBRATION.strap({}, open_) is Strap.OPEN
    assert MINEW_VIBRATION.strap({}, closed) is Strap.CLOSED


@pytest.mark.parametrize("data", [b"", b"\x02\x15", b"\x10" * 23])
def test_an_advertisement_that_says_nothing_of_the_strap(data: bytes) -> None:
    assert IBEACON_MAJOR.strap({COMPANY: data}, {}) is None
    assert IBEACON_MAJOR.strap({}, {}) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"company": 1, "service": "x"},
        {"company": 1, "mask": 0},
        {"company": 1, "mask": 0x01, "open_value": 2},
        {"company": 1, "offset": -1},
        {"company": 1, "beginning": "xyz"},
    ],
)
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    given_rule = {"name": "wrong", "offset": 0, "open_value": 1} | wrong
    with pytest.raises(ValueError, match=r"wrong|hex"):
        TamperRule(**given_rule)  # type: ignore[arg-type]  # what a settings file may hold


def test_presets_are_found_by_their_names() -> None:
    assert set(PRESETS) == {"ibeacon-major", "minew-vibration"}


@given(st.binary(max_size=40))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    for decode in (
        IBeacon.from_bytes, EddystoneUid.from_bytes, EddystoneTlm.from_bytes, minew.decode,
        BandHeartRate.from_bytes,
    ):  # fmt: skip
        with contextlib.suppress(DecodeError):
            decode(data)
    for rule in PRESETS.values():
        rule.strap({COMPANY: data}, {minew.SERVICE_UUID: data})


@given(
    st.builds(
        IBeacon, st.uuids(), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(-128, 127)
    )
)
def test_a_beacon_comes_back_from_its_bytes(beacon: IBeacon) -> None:
    assert IBeacon.from_bytes(beacon.to_bytes()) == beacon
