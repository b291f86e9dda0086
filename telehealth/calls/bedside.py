"""The person's newest values beside the video: folded from readings and live samples.

`Newest` is pure: each value with its own instant, a value of a probe that is off or calibrating
never. `Bedside` follows the devices lent to the person and hands a message on at most twice a
second; what it misses on the bus the next reading repairs.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from protocols.reading import NOT_A_PATIENTS, UNUSABLE, Quality
from protocols.signalling import VitalsNow
from telehealth.bus import Bus, Message
from telehealth.clock import Clock
from telehealth.store.database import Database, Reader, Row

_PAUSE_S: Final = 0.5
_LOOK_BACK: Final = 30
"""Readings looked through for the newest of each value."""

Value = tuple[float, int]
"""A number and the epoch milliseconds it was measured at."""


@dataclass(slots=True)
class Newest:
    """The newest usable value of each vital sign."""

    spo2_percent: Value | None = None
    pulse_per_min: Value | None = None
    perfusion_index_percent: Value | None = None
    level: tuple[int, int] | None = None

    def add(
        self,
        at_ms: int,
        values: Sequence[float | None],
        quality: Quality,
    ) -> None:
        """Fold SpO2, pulse and perfusion of one instant in, unless none of it can be trusted."""
        if quality & (UNUSABLE | NOT_A_PATIENTS):
            return
        spo2, pulse, perfusion = values
        self.spo2_percent = _newer(self.spo2_percent, spo2, at_ms)
        self.pulse_per_min = _newer(self.pulse_per_min, pulse, at_ms)
        self.perfusion_index_percent = _newer(self.perfusion_index_percent, perfusion, at_ms)

    def add_level(self, at_ms: int, level: int | None) -> None:
        """Fold the level of a scored reading in."""
        if level is not None and (self.level is None or at_ms >= self.level[1]):
            self.level = (level, at_ms)

    def message(self, *, now_ms: int) -> VitalsNow:
        """Return what the doctor's page is told now."""
        spo2, spo2_at = self.spo2_percent or (None, None)
        pulse, pulse_at = self.pulse_per_min or (None, None)
        perfusion, perfusion_at = self.perfusion_index_percent or (None, None)
        return VitalsNow(
            at=now_ms,
            spo2_percent=spo2,
            spo2_at=spo2_at,
            pulse_per_min=pulse,
            pulse_at=pulse_at,
            perfusion_index_percent=perfusion,
            perfusion_at=perfusion_at,
            level=None if self.level is None else self.level[0],
        )


def _newer(held: Value | None, value: float | None, at_ms: int) -> Value | None:
    if value is None or (held is not None and at_ms < held[1]):
        return held
    return (value, at_ms)


@dataclass(slots=True)
class Bedside:
    """Follows one person for as long as `run` runs."""

    person_id: str
    database: Database
    bus: Bus
    clock: Clock
    tell: Callable[[VitalsNow], None]
    _newest: Newest = field(default_factory=Newest)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _stale: bool = True
    _ends: dict[str, Callable[[], None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Tell the newest values at once and after each change, until cancelled."""
        topic = f"person:{self.person_id}"
        self._ends[topic] = self.bus.subscribe(topic, self._on_state)
        try:
            while True:
                if self._stale:
                    self._stale = False
                    await self._reload()
                now_ms = int(self.clock().timestamp() * 1000)
                self.tell(self._newest.message(now_ms=now_ms))
                await asyncio.sleep(_PAUSE_S)
                await self._moved.wait()
                self._moved.clear()
        finally:
            for end in self._ends.values():
                end()

    async def _reload(self) -> None:
        rows, devices = await self.database.read(self._look)
        for at_ms, spo2, pulse, perfusion, quality, level in rows:
            self._newest.add(at_ms, (spo2, pulse, perfusion), Quality(quality))
            self._newest.add_level(at_ms, level)
        wanted = {f"device:{device_id}" for device_id in devices}
        held = {topic for topic in self._ends if topic.startswith("device:")}
        for topic in held - wanted:
            self._ends.pop(topic)()
        for topic in wanted - held:
            self._ends[topic] = self.bus.subscribe(topic, self._on_samples)

    def _look(self, reader: Reader) -> tuple[list[Row], list[str]]:
        readings = reader.rows(
            "SELECT measured_ms, spo2_percent, pulse_per_min, perfusion_index_percent, quality,"
            " level FROM reading WHERE person_id = ? AND gate <> 'rejected'"
            " ORDER BY measured_ms DESC LIMIT ?",
            (self.person_id, _LOOK_BACK),
        )
        loans = reader.rows(
            "SELECT device_id FROM device_loan WHERE person_id = ? AND from_ms <= ?"
            " AND (to_ms IS NULL OR to_ms > ?)",
            (self.person_id, reader.now_ms, reader.now_ms),
        )
        return readings, [row[0] for row in loans]

    def _on_state(self, _topic: str, _message: Message) -> None:
        self._stale = True
        self._moved.set()

    def _on_samples(self, _topic: str, message: Message) -> None:
        for sample in _samples(message):
            offset_ms, spo2, pulse, perfusion, quality = sample
            self._newest.add(message["at"] + offset_ms, (spo2, pulse, perfusion), Quality(quality))
            self._moved.set()


def _samples(message: Message) -> list[Any]:
    return message["samples"] if message.get("kind") == "samples" else []
