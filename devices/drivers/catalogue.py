"""What this gateway reads and what it does not, device by device: the table of docs/devices.md.

`python -m devices.drivers.catalogue` prints it; a test holds the page against it.
"""

from dataclasses import dataclass
from typing import Final

from devices.drivers import (
    berrymed,
    beurer_po60,
    choicemmed,
    emay,
    heart_rate,
    jumper,
    measurements,
    nonin,
    pc60fw,
    plx,
    viatom,
)
from devices.drivers.driver import Driver
from devices.drivers.unreadable import UNREADABLE

_NUMBERS: Final = "SpO₂, pulse, perfusion index"
_OWN: Final = "vectors; contract on a virtual device"
_PUBLISHED: Final = "published captures, vectors; contract on a virtual device"
_ORACLE: Final = "vectors, an independent decoder; a virtual device"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what is read of a device, and how sure we are."""

    device: str
    driver: Driver
    reads: str
    flags: str
    tested: str
    confidence: str


CATALOGUE: Final = (
    Entry(
        "any with the Pulse Oximeter Service (1822)", plx.DRIVER,
        f"{_NUMBERS}; spot checks; stored records (RACP); battery; clock",
        "all of Measurement Status and Sensor Status ([protocols.md](protocols.md))",
        f"{_ORACLE}; BlueZ stand-in; Chromium", "high",
    ),
    Entry(
        "Nonin 3230, 3231, 3150", nonin.DRIVER, f"{_NUMBERS}; battery low",
        "finger off, searching, weak signal, low perfusion", _OWN, "high; bonds",
    ),
    Entry(
        "BerryMed BM1000 (BCI)", berrymed.DRIVER, "SpO₂, pulse",
        "finger off, searching, weak signal, probe unplugged", _OWN, "high",
    ),
    Entry(
        "Viatom / Wellue O2Ring, Checkme O2, SleepU", viatom.DRIVER, f"{_NUMBERS}; battery",
        "not worn, motion, low perfusion", _PUBLISHED,
        "high; where motion begins is our choice",
    ),
    Entry(
        "PC-60FW, KS-60FW", pc60fw.DRIVER, f"{_NUMBERS}; battery in quarters",
        "finger off, searching, probe fault, low perfusion", _PUBLISHED, "high",
    ),
    Entry(
        "Jumper JPD-500F", jumper.DRIVER, _NUMBERS, "finger off (inferred), low perfusion",
        _PUBLISHED, "medium to high",
    ),
    Entry(
        "EMAY SleepO2", emay.DRIVER, "SpO₂, pulse", "finger off (inferred)", _PUBLISHED, "high",
    ),
    Entry(
        "Contec CMS50D-BT", emay.CONTEC, "SpO₂, pulse", "finger off (inferred)", _PUBLISHED,
        "medium",
    ),
    Entry(
        "Beurer PO60", beurer_po60.DRIVER, "stored: mean and lowest SpO₂, pulse",
        "from storage", _PUBLISHED, "medium to high; its memory is not wiped",
    ),
    Entry(
        "ChoiceMMed iP900BP-B, 500E-B", choicemmed.DRIVER, _NUMBERS,
        "finger off (inferred), low perfusion", _OWN, "medium",
    ),
    Entry(
        "any with the Blood Pressure Service (1810)", measurements.BLOOD_PRESSURE,
        "systolic, diastolic, pulse; battery; clock", "motion, cuff loose, position", _ORACLE,
        "high",
    ),
    Entry(
        "any with the Health Thermometer Service (1809)", measurements.THERMOMETER,
        "temperature; battery; clock", "no value", _ORACLE, "high",
    ),
    Entry(
        "any with the Heart Rate Service (180D)", heart_rate.DRIVER, "pulse; battery",
        "no contact", _ORACLE, "high",
    ),
)  # fmt: skip


def read_table() -> str:
    """Return the table of what is read."""
    head = (
        "| device | read by | what is read | quality flags | how tested | confidence |\n"
        "|---|---|---|---|---|---|\n"
    )
    rows = (
        f"| {e.device} | `{e.driver.name}` ({e.driver.use}) | {e.reads} | {e.flags} | {e.tested}"
        f" | {e.confidence} |\n"
        for e in CATALOGUE
    )
    return head + "".join(rows)


def unread_table() -> str:
    """Return the table of what is not read."""
    rows = (f"| {known.device} | {known.why} |\n" for known in UNREADABLE)
    return "| device | why |\n|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    print(read_table(), unread_table(), sep="\n")  # noqa: T201 - what it is for
