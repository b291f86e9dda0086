"""A virtual oximeter with a language of its own: what it notifies and what it answers."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

from bumble import core
from bumble.gatt import Service

from devices.simulator.physiology import VirtualVitals
from devices.simulator.profiles.profile import (
    Profile,
    Properties,
    Saying,
    battery_service,
    characteristic,
    information_service,
)
from devices.simulator.wearing import Wearing

_WRITES: Final = Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE


class StreamProfile(Profile):
    """One family: the UUIDs are facts of the class, the frames are its own.

    Set `cut_to` to let the radio cut what it says into notifications of so many octets, wherever
    frames begin and end.
    """

    service: ClassVar[str]
    notify: ClassVar[str]
    write: ClassVar[str] = ""
    has_battery_service: ClassVar[bool] = False

    def __init__(self, wearing: Wearing, *, cut_to: int = 0) -> None:
        super().__init__(wearing)
        self.cut_to = cut_to
        self.written: list[bytes] = []
        """What the gateway wrote, oldest first."""
        self._notified = characteristic(self.notify, Properties.NOTIFY)

    def service_uuid(self) -> str:
        return self.service

    def services(self) -> list[Service]:
        offered = [self._notified]
        if self.write:
            offered.append(characteristic(self.write, _WRITES, write=self._written))
        services = [Service(core.UUID(self.service), offered), information_service(self.wearing)]
        if self.has_battery_service:
            services.append(battery_service(lambda: self.battery_percent))
        return services

    def measure(self, vitals: VirtualVitals) -> Sequence[Saying]:
        return self._sayings(self.frames(vitals))

    def begin(self) -> None:
        self.written.clear()

    @abstractmethod
    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        """Return what it says by itself once a period."""

    def answer(self, request: bytes) -> Sequence[bytes]:
        """Return what it says to something that was written."""
        return ()

    def raw(self, value: bytes) -> Saying:
        """Return any bytes, as a broken device sends them."""
        return Saying(self._notified, value)

    def _written(self, value: bytes) -> None:
        self.written.append(value)
        self.say(self._sayings(self.answer(value)))

    def _sayings(self, frames: Sequence[bytes]) -> list[Saying]:
        if not self.cut_to:
            return [Saying(self._notified, frame) for frame in frames]
        data = b"".join(frames)
        return [
            Saying(self._notified, data[at : at + self.cut_to])
            for at in range(0, len(data), self.cut_to)
        ]


def spo2_of(vitals: VirtualVitals) -> int | None:
    """Return what the display shows; `None` without a finger."""
    return round(vitals.spo2_percent) if vitals.probe_on else None


def pulse_of(vitals: VirtualVitals) -> int | None:
    """Return what the display shows; `None` without a finger."""
    return round(vitals.pulse_per_min) if vitals.probe_on else None


def perfusion_of(vitals: VirtualVitals) -> float | None:
    """Return what the display shows; `None` without a finger."""
    return round(vitals.perfusion_index_percent, 1) if vitals.probe_on else None
