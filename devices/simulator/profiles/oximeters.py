"""Virtual oximeters of the makers whose protocols `protocols.oximeters` knows."""

from collections.abc import Sequence
from typing import ClassVar, Final

from bumble.gatt import Service

from devices.simulator.physiology import VirtualVitals
from devices.simulator.profiles.profile import Properties, characteristic
from devices.simulator.profiles.stream import StreamProfile, perfusion_of, pulse_of, spo2_of
from devices.simulator.wearing import LOW_PERFUSION_PERCENT, Wearing
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

LOW_BATTERY_PERCENT: Final = 15
_MOVING: Final = 90


class NoninProfile(StreamProfile):
    """Nonin 3230."""

    service: ClassVar[str] = nonin.SERVICE_UUID
    notify: ClassVar[str] = nonin.NOTIFY_UUID

    def __init__(self, wearing: Wearing, *, cut_to: int = 0) -> None:
        super().__init__(wearing, cut_to=cut_to)
        self._counter = 0

    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        status = nonin.NoninStatus(0)
        if vitals.probe_on:
            status |= nonin.NoninStatus.FINGER_OK
            if vitals.perfusion_index_percent < LOW_PERFUSION_PERCENT:
                status |= nonin.NoninStatus.WEAK_SIGNAL
        if self.battery_percent <= LOW_BATTERY_PERCENT:
            status |= nonin.NoninStatus.LOW_BATTERY
        self._counter = (self._counter + 1) & 0xFFFF
        frame = nonin.NoninFrame(
            spo2_percent=spo2_of(vitals),
            pulse_per_min=pulse_of(vitals),
            perfusion_index_percent=perfusion_of(vitals),
            status=status,
            counter=self._counter,
        )
        return (frame.to_bytes(),)


class BerryMedProfile(StreamProfile):
    """BerryMed BM1000: a hundred frames a second, some in one notification."""

    service: ClassVar[str] = berrymed.SERVICE_UUID
    notify: ClassVar[str] = berrymed.NOTIFY_UUID

    def __init__(self, wearing: Wearing, *, cut_to: int = 20) -> None:
        super().__init__(wearing, cut_to=cut_to)

    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        status = berrymed.BerryMedStatus.CLEAR
        if not vitals.probe_on:
            status = berrymed.BerryMedStatus.NO_FINGER
        frames = (
            berrymed.BerryMedFrame(
                spo2_percent=spo2_of(vitals),
                pulse_per_min=pulse_of(vitals),
                status=status,
                strength=8 if vitals.probe_on else 0,
                pleth=beat % 100,
            )
            for beat in range(berrymed.FRAME_RATE_HZ)
        )
        return [frame.to_bytes() for frame in frames]


class ViatomProfile(StreamProfile):
    """Wellue O2Ring: says nothing unless it is asked."""

    service: ClassVar[str] = viatom.SERVICE_UUID
    notify: ClassVar[str] = viatom.NOTIFY_UUID
    write: ClassVar[str] = viatom.WRITE_UUID

    def __init__(self, wearing: Wearing, *, cut_to: int = viatom.PIECE_OCTETS) -> None:
        super().__init__(wearing, cut_to=cut_to)
        self._vitals: VirtualVitals | None = None

    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        self._vitals = vitals
        return ()

    def answer(self, request: bytes) -> Sequence[bytes]:
        asked = viatom.ViatomRequest.from_bytes(request).command
        if asked == viatom.INFO:
            info = viatom.ViatomInfo(model="1641", serial_number=f"{self.wearing.number:010d}")
            return (viatom.ViatomReply(info.to_bytes()).to_bytes(),)
        if asked == viatom.READ and self._vitals is not None:
            return (viatom.ViatomReply(self._values(self._vitals).to_bytes()).to_bytes(),)
        return (viatom.ViatomReply(result=1).to_bytes(),)

    def _values(self, vitals: VirtualVitals) -> viatom.ViatomValues:
        return viatom.ViatomValues(
            spo2_percent=spo2_of(vitals),
            pulse_per_min=pulse_of(vitals),
            perfusion_index_percent=perfusion_of(vitals),
            battery_percent=self.battery_percent,
            motion=_MOVING if vitals.moving else 0,
            worn=vitals.probe_on,
        )


class Pc60fwProfile(StreamProfile):
    """PC-60FW."""

    service: ClassVar[str] = pc60fw.SERVICE_UUID
    notify: ClassVar[str] = pc60fw.NOTIFY_UUID
    write: ClassVar[str] = pc60fw.WRITE_UUID

    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        status = pc60fw.Pc60fwStatus.CLEAR
        if not vitals.probe_on:
            status = pc60fw.Pc60fwStatus.PROBE_OFF
        values = pc60fw.Pc60fwValues(
            spo2_percent=spo2_of(vitals),
            pulse_per_min=pulse_of(vitals),
            perfusion_index_percent=perfusion_of(vitals),
            status=status,
        )
        level = min(pc60fw.LEVEL_MAX, self.battery_percent * 4 // 100)
        return (values.to_bytes(), pc60fw.Pc60fwBattery(level).to_bytes())


class JumperProfile(StreamProfile):
    """Jumper JPD-500F: values, and plethysmogram between them."""

    service: ClassVar[str] = jumper.SERVICE_UUID
    notify: ClassVar[str] = jumper.NOTIFY_UUID

    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        frame = jumper.JumperFrame(
            spo2_percent=spo2_of(vitals),
            pulse_per_min=pulse_of(vitals),
            perfusion_index_percent=perfusion_of(vitals),
        )
        return (b"\x80" + bytes(range(jumper.MOST_PLETH)), frame.to_bytes())


class EmayProfile(StreamProfile):
    """EMAY SleepO2: speaks when told to, and for as long as it is reminded."""

    service: ClassVar[str] = emay.SERVICE_UUID
    notify: ClassVar[str] = emay.NOTIFY_UUID
    write: ClassVar[str] = emay.WRITE_UUID
    level: ClassVar[int] = 5

    def __init__(self, wearing: Wearing, *, cut_to: int = 0) -> None:
        super().__init__(wearing, cut_to=cut_to)
        self._told_to_speak = False

    def begin(self) -> None:
        super().begin()
        self._told_to_speak = False

    def answer(self, request: bytes) -> Sequence[bytes]:
        if request == emay.start_request():
            self._told_to_speak = True
        elif request == emay.stop_request():
            self._told_to_speak = False
        return ()

    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        if not self._told_to_speak:
            return ()
        frame = emay.EmayFrame(
            spo2_percent=spo2_of(vitals), pulse_per_min=pulse_of(vitals), level=self.level
        )
        return (frame.to_bytes(),)


class ContecProfile(EmayProfile):
    """Contec CMS50D-BT."""

    level: ClassVar[int] = 4


class ChoiceMMedProfile(StreamProfile):
    """ChoiceMMed iP900BP-B; what it indicates is the same as what it notifies."""

    service: ClassVar[str] = choicemmed.SERVICE_UUID
    notify: ClassVar[str] = choicemmed.NOTIFY_UUID

    def services(self) -> list[Service]:
        offered, *others = super().services()
        silent = characteristic(choicemmed.INDICATE_UUID, Properties.INDICATE)
        return [Service(offered.uuid, [*offered.characteristics, silent]), *others]

    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        frame = choicemmed.ChoiceMMedFrame(
            spo2_percent=spo2_of(vitals),
            pulse_per_min=pulse_of(vitals),
            perfusion_index_percent=perfusion_of(vitals),
        )
        return (frame.to_bytes(),)


class BeurerProfile(StreamProfile):
    """Beurer PO60: says a record of its memory when it is asked for the next, then no more."""

    service: ClassVar[str] = beurer_po60.SERVICE_UUID
    notify: ClassVar[str] = beurer_po60.NOTIFY_UUID
    write: ClassVar[str] = beurer_po60.WRITE_UUID

    def __init__(self, wearing: Wearing, memory: Sequence[beurer_po60.BeurerRecord]) -> None:
        super().__init__(wearing, cut_to=viatom.PIECE_OCTETS)
        self.memory = list(memory)
        self._next = 0

    def begin(self) -> None:
        super().begin()
        self._next = 0

    def frames(self, vitals: VirtualVitals) -> Sequence[bytes]:
        return ()

    def answer(self, request: bytes) -> Sequence[bytes]:
        if request != beurer_po60.next_request() or self._next >= len(self.memory):
            return ()
        self._next += 1
        return (self.memory[self._next - 1].to_bytes(),)
