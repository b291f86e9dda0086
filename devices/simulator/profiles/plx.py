"""A virtual oximeter of the standard: Pulse Oximeter Service, with a memory (PLXS 1.0.1)."""

from collections.abc import Callable, Sequence
from datetime import datetime

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
from protocols.gatt import current_time, plx, racp
from protocols.gatt.current_time import CurrentTime
from protocols.gatt.plx import PlxSpotCheck
from protocols.gatt.racp import Answer, NumberOfRecords, OpCode, Response, ResponseCode


class PlxProfile(Profile):
    """An oximeter of the standard; without `streams` it measures on demand alone."""

    def __init__(self, wearing: Wearing, *, streams: bool = True, remembers: bool = False) -> None:
        super().__init__(wearing)
        self.memory: list[PlxSpotCheck] = []
        """What it measured while nobody was connected, oldest first."""
        self.keeps_records_for_good = False
        """It answers to a deletion that it cannot."""
        self.clock: Callable[[], datetime] | None = None
        """What its Current Time Service shows; without one it has none."""
        self._streams = streams
        self._remembers = remembers
        self._continuous = characteristic(plx.CONTINUOUS_UUID, Properties.NOTIFY)
        self._spot_check = characteristic(plx.SPOT_CHECK_UUID, Properties.INDICATE)
        self._control = characteristic(
            racp.RACP_UUID, Properties.WRITE | Properties.INDICATE, write=self._controlled
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
        services = [
            Service(core.UUID(plx.SERVICE_UUID), offered),
            battery_service(lambda: self.battery_percent),
            information_service(self.wearing),
        ]
        if self.clock is not None:
            services.append(_clock_service(self.clock))
        return services

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
        if request == racp.COUNT_ALL:
            self.say([self._answer(NumberOfRecords(len(self.memory)))])
        elif request == racp.REPORT_ALL:
            records = [
                Saying(self._spot_check, record.to_bytes(), indicated=True)
                for record in self.memory
            ]
            code = ResponseCode.SUCCESS if records else ResponseCode.NO_RECORDS_FOUND
            self.say([*records, self._answer(Response(OpCode.REPORT, code))])
        elif request == racp.DELETE_ALL and not self.keeps_records_for_good:
            self.memory.clear()
            self.say([self._answer(Response(OpCode.DELETE, ResponseCode.SUCCESS))])
        else:
            refused = Response(request[0] if request else 0, ResponseCode.OP_CODE_NOT_SUPPORTED)
            self.say([self._answer(refused)])

    def _answer(self, answer: Answer) -> Saying:
        return Saying(self._control, answer.to_bytes(), indicated=True)


def _clock_service(clock: Callable[[], datetime]) -> Service:
    shown = characteristic(
        current_time.CURRENT_TIME_UUID,
        Properties.READ,
        read=lambda _peer: CurrentTime(clock()).to_bytes(),
    )
    return Service(core.UUID(current_time.SERVICE_UUID), [shown])
