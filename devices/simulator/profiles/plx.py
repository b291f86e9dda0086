"""A virtual oximeter of the standard: Pulse Oximeter Service, with a memory (PLXS 1.0.1)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

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
from devices.simulator.wearing import FEATURES, Wearing, continuous, spot_check
from protocols.gatt import plx
from protocols.gatt.plx import PlxSpotCheck

RACP_UUID: Final = "00002a52-0000-1000-8000-00805f9b34fb"
_REPORT_ALL, _DELETE_ALL, _COUNT = b"\x01\x01", b"\x02\x01", b"\x04\x01"
_OK, _UNSUPPORTED, _NONE = 0x01, 0x02, 0x06


class PlxProfile(Profile):
    """An oximeter of the standard; without `streams` it measures on demand alone."""

    def __init__(self, wearing: Wearing, *, streams: bool = True, remembers: bool = False) -> None:
        super().__init__(wearing)
        self.memory: list[PlxSpotCheck] = []
        """What it measured while nobody was connected, oldest first."""
        self.keeps_records_for_good = False
        """It answers to a deletion that it cannot."""
        self._streams = streams
        self._remembers = remembers
        self._continuous = characteristic(plx.CONTINUOUS_UUID, Properties.NOTIFY)
        self._spot_check = characteristic(plx.SPOT_CHECK_UUID, Properties.INDICATE)
        self._control = characteristic(
            RACP_UUID, Properties.WRITE | Properties.INDICATE, write=self._controlled
        )

    def service_uuid(self) -> str:
        return plx.SERVICE_UUID

    def services(self) -> list[Service]:
        offered = [
            characteristic(plx.FEATURES_UUID, Properties.READ, read=FEATURES.to_bytes()),
            *([self._continuous] if self._streams else []),
            self._spot_check,
            *([self._control] if self._remembers else []),
        ]
        return [
            Service(core.UUID(plx.SERVICE_UUID), offered),
            battery_service(lambda: self.battery_percent),
            information_service(self.wearing),
        ]

    def measure(self, vitals: VirtualVitals) -> Sequence[Saying]:
        if not self._streams:
            return ()
        value = continuous(vitals, self.wearing.marks).to_bytes()
        return (Saying(self._continuous, value),)

    def finished(self, vitals: VirtualVitals, timestamp: datetime | None) -> Saying:
        """Return a finished measurement; `None`: the device's clock was never set."""
        value = spot_check(vitals, timestamp=timestamp, marks=self.wearing.marks)
        return Saying(self._spot_check, value.to_bytes(), indicated=True)

    def raw(self, value: bytes) -> Saying:
        """Return any bytes, as a broken device sends them where a measurement should be."""
        return Saying(self._continuous, value)

    def _controlled(self, request: bytes) -> None:
        """Answer the Record Access Control Point (PLXS 1.0.1, RACP procedures)."""
        if request == _COUNT:
            count = len(self.memory).to_bytes(2, "little")
            answers = [self._answer(b"\x05\x00" + count)]
        elif request == _REPORT_ALL and self.memory:
            records = [
                Saying(self._spot_check, record.to_bytes(), indicated=True)
                for record in self.memory
            ]
            answers = [*records, self._answer(bytes((0x06, 0x00, request[0], _OK)))]
        elif request == _REPORT_ALL:
            answers = [self._answer(bytes((0x06, 0x00, request[0], _NONE)))]
        elif request == _DELETE_ALL and not self.keeps_records_for_good:
            self.memory.clear()
            answers = [self._answer(bytes((0x06, 0x00, request[0], _OK)))]
        else:
            answers = [
                self._answer(bytes((0x06, 0x00, request[0] if request else 0, _UNSUPPORTED)))
            ]
        self.say(answers)

    def _answer(self, value: bytes) -> Saying:
        return Saying(self._control, value, indicated=True)
