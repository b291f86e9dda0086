"""Who may have one of an adapter's connection slots, and for how long. Pure; time is given.

Theory of operation. An adapter holds few connections. A worn device keeps its slot while it lives.
A spot-check device, and one whose memory is read, keep theirs only while nobody waits or their turn
is not over: `TURN_S` from the connection, longer while a measurement is going on, never longer than
`LONGEST_TURN_S`. Among those who wait the one comes first that was served longest ago, worn devices
before the others, and those that could not be connected last. Where every slot is worn nobody can
be sent away: who waits is refused by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from devices.use import Use

TURN_S: Final = 20.0
"""A finger is on for half a minute; a device that says nothing for so long is not being used."""
LONGEST_TURN_S: Final = 120.0
HEARD_WITHIN_S: Final = 15.0
"""Who has not been heard for so long has gone, and waits no more."""
REST_S: Final = 600.0
"""A device whose memory has been read, and that says nothing live, is read again after so long."""


@dataclass(slots=True)
class _Candidate:
    use: Use
    heard_s: float
    served_s: float = float("-inf")
    not_before_s: float = float("-inf")
    failed: bool = False


@dataclass(slots=True)
class _Holder:
    use: Use
    since_s: float
    active_s: float


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect to this device now."""

    device_id: str


@dataclass(frozen=True, slots=True)
class LetGo:
    """End the turn of a device, for another one."""

    device_id: str
    waiting: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Every slot is worn; these wait in vain."""

    device_ids: tuple[str, ...]
    slots: int


Decision = Connect | LetGo | Refuse


class Turns:
    """The slots of one adapter."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._waiting: dict[str, _Candidate] = {}
        self._holding: dict[str, _Holder] = {}
        self._refused: frozenset[str] = frozenset()

    def heard(self, device_id: str, use: Use, now_s: float) -> None:
        """A device that can be connected was heard."""
        known = self._waiting.get(device_id)
        if known is None:
            self._waiting[device_id] = _Candidate(use, now_s)
        else:
            known.heard_s, known.use = now_s, use

    def not_before(self, device_id: str, at_s: float, *, failed: bool = False) -> None:
        """A device is left alone for a while: it could not be connected, or has been read out."""
        candidate = self._waiting.setdefault(device_id, _Candidate(Use.WORN, float("-inf")))
        candidate.not_before_s, candidate.failed = at_s, failed

    def took(self, device_id: str, use: Use, now_s: float) -> None:
        """A device has a slot."""
        self._holding[device_id] = _Holder(use, now_s, now_s)
        if device_id in self._waiting:
            self._waiting[device_id].failed = False

    def active(self, device_id: str, now_s: float) -> None:
        """A measurement is going on: the turn is not over."""
        holder = self._holding.get(device_id)
        if holder is not None:
            holder.active_s = now_s

    def gave_back(self, device_id: str, now_s: float) -> None:
        """A device's slot is free again."""
        if self._holding.pop(device_id, None) is not None and device_id in self._waiting:
            self._waiting[device_id].served_s = now_s

    def decide(self, now_s: float) -> Decision | None:
        """Return what to do now; `None`: nothing."""
        waiting = self._in_order(now_s)
        if not waiting:
            return None
        if len(self._holding) < self.slots:
            return Connect(waiting[0])
        over = self._turn_over(now_s)
        if over is not None:
            return LetGo(over, waiting[0])
        if all(holder.use is Use.WORN for holder in self._holding.values()):
            return self._refuse(waiting)
        return None

    def _refuse(self, waiting: Iterable[str]) -> Refuse | None:
        """Refuse each set of waiting devices once."""
        now = frozenset(waiting)
        if now <= self._refused:
            return None
        self._refused = now
        return Refuse(tuple(sorted(now)), self.slots)

    def _in_order(self, now_s: float) -> list[str]:
        """Return who waits and may be connected, the next one first."""
        ready = [
            (candidate.failed, candidate.use is not Use.WORN, candidate.served_s, device_id)
            for device_id, candidate in self._waiting.items()
            if device_id not in self._holding
            and now_s - candidate.heard_s <= HEARD_WITHIN_S
            and now_s >= candidate.not_before_s
        ]
        return [device_id for *_, device_id in sorted(ready)]

    def _turn_over(self, now_s: float) -> str | None:
        """Return the holder whose turn has been over for longest."""
        over = [
            (holder.active_s, device_id)
            for device_id, holder in self._holding.items()
            if holder.use is not Use.WORN
            and (
                now_s - max(holder.active_s, holder.since_s) >= TURN_S
                or now_s - holder.since_s >= LONGEST_TURN_S
            )
        ]
        return min(over)[1] if over else None

    def forget(self, device_id: str) -> None:
        """A device is not remembered any more."""
        self._waiting.pop(device_id, None)
