"""Writes the vectors that Python makes and both languages read.

What stands in the files is what the Python side says; a test holds that (tests/protocols/gatt/
test_plx_vectors.py, tests/devices/test_plateau_vectors.py), and the script's tests read the same.
"""

import hashlib
import json
import struct
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from devices.minutes import TimedSample
from devices.plateau import PlateauFinder, SpotCheck
from protocols.errors import DecodeError
from protocols.gatt.plx import PlxContinuous, PlxSpotCheck, Spo2Pulse
from protocols.gatt.plx_status import MeasurementStatus, SensorStatus
from protocols.medfloat import decode_sfloat
from protocols.reading import Quality

FOLDER: Final = Path(__file__).parent / "vectors"
Line = dict[str, Any]
_NOON: Final = datetime(2026, 11, 24, 12, 0, 1)  # noqa: DTZ001 - a device's clock has no zone


def flags(quality: Quality) -> list[str]:
    """Return the names of the flags that are set."""
    return [str(flag.name) for flag in quality]


def plx_line(name: str, kind: str, data: bytes) -> Line:
    """Return a measurement with what it says; `says` null: it cannot be one."""
    decode = PlxContinuous.from_bytes if kind == "continuous" else PlxSpotCheck.from_bytes
    try:
        value = decode(data)
    except DecodeError:
        return {"name": name, "kind": kind, "data": data.hex(), "says": None}
    return {
        "name": name,
        "kind": kind,
        "data": data.hex(),
        "says": {
            "spo2_percent": value.spo2_percent,
            "pulse_per_min": value.pulse_per_min,
            "perfusion_index_percent": value.pulse_amplitude_index_percent,
            "quality": flags(value.quality),
        },
    }


def plx_lines() -> list[Line]:
    """Return measurements of the pulse oximeter service, right and wrong."""
    pair = Spo2Pulse(97, 72)
    plain = PlxContinuous(spo2_percent=97, pulse_per_min=72).to_bytes()
    full = PlxContinuous(
        spo2_percent=96.5, pulse_per_min=71.2, fast=pair, slow=pair,
        measurement_status=MeasurementStatus.MEASUREMENT_ONGOING,
        sensor_status=SensorStatus.LOW_PERFUSION_DETECTED, pulse_amplitude_index_percent=0.25,
    ).to_bytes()  # fmt: skip
    spot = PlxSpotCheck(
        spo2_percent=95, pulse_per_min=88, timestamp=_NOON,
        measurement_status=MeasurementStatus.FULLY_QUALIFIED_DATA,
        sensor_status=SensorStatus(0), pulse_amplitude_index_percent=4.1, device_clock_unset=True,
    ).to_bytes()  # fmt: skip
    lines = [
        plx_line("only what must be there", "continuous", plain),
        plx_line("every optional field", "continuous", full),
        plx_line("a field of a later edition at the end", "continuous", plain + b"\x01\x02"),
        plx_line("flags that the edition reserves", "continuous", b"\xe0" + plain[1:]),
        plx_line("no octet", "continuous", b""),
        plx_line("cut within SpO2", "continuous", plain[:2]),
        plx_line("cut within the pulse", "continuous", plain[:4]),
        plx_line("cut before an announced field", "continuous", full[:-1]),
        plx_line("a spot check with every field", "spot", spot),
        plx_line("a spot check without options", "spot", b"\x00" + plain[1:]),
        plx_line("a spot check cut within its time", "spot", spot[:9]),
        plx_line("a time that is not known", "spot", b"\x01" + plain[1:] + bytes(7)),
        plx_line("31 February", "spot", b"\x01" + plain[1:] + bytes.fromhex("ea07021f000000")),
        plx_line("29 February 2028", "spot", b"\x01" + plain[1:] + bytes.fromhex("ec07021d000000")),
        plx_line("29 February 2027", "spot", b"\x01" + plain[1:] + bytes.fromhex("eb07021d000000")),
        plx_line("24 o'clock", "spot", b"\x01" + plain[1:] + bytes.fromhex("ea070201180000")),
        plx_line("the year 1581", "spot", b"\x01" + plain[1:] + bytes.fromhex("2d060101000000")),
    ]
    spo2 = ("ff07", "0008", "fe07", "0208", "0108", "0000", "6400", "6500", "7f00", "e8f3")
    pulse = ("ff07", "0000", "5e01", "5f01", "ff01", "2cf3")
    lines += [plx_line(f"SpO2 {r}", "continuous", bytes.fromhex(f"00{r}4800")) for r in spo2]
    lines += [plx_line(f"pulse {r}", "continuous", bytes.fromhex(f"006100{r}")) for r in pulse]
    for bit in range(16):
        status = (1 << bit).to_bytes(2, "little").hex()
        data = bytes.fromhex(f"0461004800{status}")
        lines.append(plx_line(f"measurement status bit {bit}", "continuous", data))
    for bit in range(24):
        status = (1 << bit).to_bytes(3, "little").hex()
        data = bytes.fromhex(f"0861004800{status}")
        lines.append(plx_line(f"sensor status bit {bit}", "continuous", data))
    return lines


def sfloat_hash() -> str:
    """Return the SHA-256 of all 65,536 SFLOAT values in their text form (tests/vectors/README)."""
    return hashlib.sha256("\n".join(map(_as_text, range(0x1_0000))).encode()).hexdigest()


def _as_text(raw: int) -> str:
    value = decode_sfloat(raw)
    return "none" if value is None else struct.pack(">d", value).hex()


def plateau_line(name: str, samples: list[tuple[int, float | None, float | None, Quality]]) -> Line:
    """Return a finger's samples with the spot checks that come of them."""
    finder = PlateauFinder()
    found = []
    for at_ms, spo2, pulse, quality in samples:
        spot = finder.add(TimedSample(at_ms, spo2, pulse, None, quality))
        found += [] if spot is None else [spot]
    return {
        "name": name,
        "samples": [[at, spo2, pulse, flags(quality)] for at, spo2, pulse, quality in samples],
        "says": [_spot(one) for one in found],
    }


def _spot(spot: SpotCheck) -> Line:
    return {
        "at_ms": spot.monotonic_ms,
        "spo2_percent": spot.spo2_percent,
        "pulse_per_min": spot.pulse_per_min,
        "quality": flags(spot.quality),
    }


def plateau_lines() -> list[Line]:
    """Return fingers: both sides of every edge of the rule (PLATEAU.md)."""
    good = Quality.GOOD

    def each(*at: int, spo2: float = 97.0, pulse: float = 72.0) -> list[Any]:
        return [(one, spo2, pulse, good) for one in at]

    def swinging(spo2: float, pulse: float) -> list[Any]:
        return [(i * 1000, 95.0 + spo2 * (i % 2), 70.0 + pulse * (i % 2), good) for i in range(7)]

    def off(at: int) -> Any:
        return at, None, None, Quality.FINGER_OFF

    still = each(0, 1000, 2000, 3000, 4000)
    bad = {
        name: [*still[:3], (3000, 97.0, 72.0, quality), *each(*range(4000, 10_000, 1000))]
        for name, quality in (
            ("a weak second", Quality.WEAK_SIGNAL),
            ("a moving second", Quality.MOTION),
            ("a searching second", Quality.SEARCHING),
            ("a second of low perfusion", Quality.LOW_PERFUSION),
            ("an invalid second", Quality.INVALID),
            ("a calibrating second", Quality.CALIBRATING),
            ("a questionable second", Quality.QUESTIONABLE),
            ("a second of demonstration data", Quality.DEMO),
        )
    }
    return [
        plateau_line("4.999 s is not enough", [*still, *each(4999)]),
        plateau_line("5 s is", [*still, *each(5000)]),
        plateau_line("three samples are too few", each(0, 3000, 6000)),
        plateau_line("four are enough", each(0, 2000, 4000, 6000)),
        plateau_line("a break of 3 s goes", each(0, 1000, 2000, 5000, 6000)),
        plateau_line("a break of 3.001 s begins anew", each(0, 1000, 2000, 5001, 6001)),
        plateau_line("SpO2 swings by two points", swinging(2.0, 0)),
        plateau_line("SpO2 swings by more", swinging(2.1, 0)),
        plateau_line("the pulse swings by six", swinging(0, 6.0)),
        plateau_line("the pulse swings by more", swinging(0, 6.1)),
        plateau_line(
            "a value that settles: the oldest leave",
            [(i * 1000, min(97.0, 88.0 + i * 1.5), 72.0, good) for i in range(15)],
        ),
        plateau_line(
            "medians of an even window",
            [(i * 1000, (96.0, 97.0, 98.0)[i // 2], 70.0 + i, good) for i in range(6)],
        ),
        plateau_line("one reading a finger", each(*range(0, 20_000, 1000))),
        plateau_line(
            "a finger that comes again is read again",
            [*still, *each(5000), off(6000), *each(*range(7000, 13_000, 1000), spo2=91.0)],
        ),
        plateau_line(
            "a finger that leaves early says why",
            [(0, 96.0, 80.0, Quality.MOTION), (1000, 96.0, 80.0, Quality.WEAK_SIGNAL), off(2000)],
        ),
        plateau_line(
            "after 40 s without a plateau it says why, once, and goes on",
            [(i * 1000, 90.0 + 5 * (i % 2), 72.0, good) for i in range(44)]
            + each(*range(44_000, 50_000, 1000)),
        ),
        plateau_line("39.999 s is too early to say why", [
            *((i * 1000, 90.0 + 5 * (i % 2), 72.0, good) for i in range(40)),
            (39_999, 90.0, 72.0, good),
        ]),
        plateau_line("no pulse is no value", [(i * 1000, 97.0, None, good) for i in range(8)]),
        plateau_line("no SpO2 is no value", [(i * 1000, None, 72.0, good) for i in range(8)]),
        *(plateau_line(name, samples) for name, samples in bad.items()),
        plateau_line(
            "most of the window was weak",
            [(i * 1000, 97.0, 72.0, Quality.QUESTIONABLE if i % 3 else good) for i in range(14)],
        ),
    ]  # fmt: skip


def text_of(lines: list[Line]) -> str:
    """Return lines as a file holds them."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


PLX: Final = FOLDER / "gatt" / "plx.jsonl"
PLATEAU: Final = FOLDER / "plateau.jsonl"

if __name__ == "__main__":
    PLX.parent.mkdir(exist_ok=True)
    PLX.write_text(text_of(plx_lines()), encoding="utf-8")
    PLATEAU.write_text(text_of(plateau_lines()), encoding="utf-8")
    print(sfloat_hash())  # noqa: T201
