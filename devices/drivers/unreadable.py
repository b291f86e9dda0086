"""Devices that people own and that cannot be read, by name: a clear word instead of silence."""

from dataclasses import dataclass
from typing import Final

from devices.drivers.driver import Heard


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A device, by the beginning of the name that it advertises, and why it cannot be read."""

    device: str
    names: tuple[str, ...]
    why: str


UNREADABLE: Final = (
    Unreadable(
        "Masimo MightySat",
        ("MightySat",),
        "its protocol is not open and reported to be encrypted; enter its values by hand",
    ),
    Unreadable(
        "iHealth PO3 and PO3M",
        ("PO3", "Pulse Oximeter"),
        "its protocol is not open and reported to be encrypted; enter its values by hand",
    ),
)
"""One that offers the standard service (1822) is read all the same: its driver comes first."""


def why_unreadable(heard: Heard) -> str:
    """Return why a device that no driver knows cannot be read; empty: it is nothing we know of."""
    for known in UNREADABLE:
        if heard.name.startswith(known.names):
            return known.why
    return ""
