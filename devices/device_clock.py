"""What a device's own clock says, and what that is worth. Pure; time is given.

Theory of operation. Devices forget the time with their battery, and nobody sets them. What counts
is the difference: when a device shows its clock now (Current Time Service, or the time of a live
spot check), every record of its memory has an age by that same clock, and the age is right however
wrong the date. So a record is dated backwards from now by its age. Where the clock was never seen,
the record's own date is believed in the zone that the installer set, unless it lies in the future
or before there were such devices.
"""

from datetime import datetime, timedelta, timezone
from typing import Final

import msgspec

from devices.clock import Moment
from devices.parcels import Content
from protocols.reading import Quality
from protocols.uplink import WireReading, epoch_ms

WRONG_S: Final = 120.0
"""A clock that is off by more than this is wrong; people set clocks to the minute."""
EARLIEST: Final = datetime(2010, 1, 1)  # noqa: DTZ001 - a device's clock has no zone
"""The Pulse Oximeter Service is of 2015; a record of before 2010 tells of a clock never set."""
_MOST_OFFSET_S: Final = 315_360_000.0
"""Ten years, as the uplink takes it; a clock further off is as good as unset."""


class DeviceClock:
    """The clock of one device, over one connection."""

    def __init__(self, zone_offset: timedelta) -> None:
        self._zone = timezone(zone_offset)
        self._shown: tuple[datetime, Moment] | None = None
        self._told: float | None = None

    def seen(self, shows: datetime, now: Moment) -> float | None:
        """The device shows this now; return how far ahead it is in seconds if that is news."""
        self._shown = (shows, now)
        offset_s = self.offset_s
        if offset_s is None or abs(offset_s) <= WRONG_S:
            return None
        if self._told is not None and abs(offset_s - self._told) <= WRONG_S:
            return None
        self._told = offset_s
        return max(-_MOST_OFFSET_S, min(offset_s, _MOST_OFFSET_S))

    def forget(self) -> None:
        """The link is over: the battery may be changed before the next one."""
        self._shown = None

    @property
    def offset_s(self) -> float | None:
        """How far the device is ahead of us; `None`: not seen, or we do not know the time."""
        if self._shown is None or not self._shown[1].synchronised:
            return None
        shows, at = self._shown
        return (self._epoch_ms(shows) - at.wall_ms) / 1000

    def date(self, reading: WireReading, own_time: datetime, now: Moment) -> Content:
        """Return a record of the device's memory with the date that it deserves."""
        if self._shown is not None:
            return self._by_age(reading, own_time, now, self._shown)
        own_ms = self._epoch_ms(own_time)
        if own_time < EARLIEST or (now.synchronised and own_ms > now.wall_ms + WRONG_S * 1000):
            wrong = msgspec.structs.replace(
                reading,
                quality=reading.quality | int(Quality.DEVICE_CLOCK_WRONG),
                time_uncertain=True,
            )
            return Content(readings=[(0, wrong)])
        return Content(dated=[msgspec.structs.replace(reading, at=max(0, own_ms))])

    def _by_age(
        self,
        reading: WireReading,
        own_time: datetime,
        now: Moment,
        shown: tuple[datetime, Moment],
    ) -> Content:
        shows, at = shown
        age_ms = round((shows - own_time) / timedelta(milliseconds=1))
        age_ms += now.monotonic_ms - at.monotonic_ms
        offset_s = self.offset_s
        if age_ms < 0:
            # Younger than now: the clock was set in between.
            reading = msgspec.structs.replace(
                reading,
                quality=reading.quality | int(Quality.DEVICE_CLOCK_WRONG),
                time_uncertain=True,
            )
            age_ms = 0
        if offset_s is not None and abs(offset_s) > WRONG_S:
            reading = msgspec.structs.replace(
                reading,
                quality=reading.quality | int(Quality.DEVICE_CLOCK_WRONG),
                clock_offset_s=max(-_MOST_OFFSET_S, min(offset_s, _MOST_OFFSET_S)),
            )
        return Content(readings=[(-age_ms, reading)])

    def _epoch_ms(self, device_time: datetime) -> int:
        return epoch_ms(device_time.replace(tzinfo=self._zone))
