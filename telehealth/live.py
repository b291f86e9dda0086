"""Live screens: what changed reaches every viewer at most twice a second, encoded once.

Theory of operation. The intake and the alert desk publish `person:ID` after their commit. The hub
gathers those ids and, a moment later, reads the changed rows in one transaction, encodes each once
and hands the bytes to every viewer who watches that person (`telehealth.viewer`).

The bus may lose. So every few seconds the hub asks the database what was committed after its own
cursor, and a viewer that comes back says which cursor it holds and is given what came after. The
same round ends viewers whose session is over, and looks again at who may see whom.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from telehealth.access import sessions
from telehealth.access.break_glass import basis_of
from telehealth.access.following import renewed_as
from telehealth.access.policy import PURPOSE_OF, Action, Role
from telehealth.access.scope import persons_seen_by, require
from telehealth.alerts.desk import DESK_TOPIC
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.bus import Bus
from telehealth.clock import Clock
from telehealth.errors import TelehealthError
from telehealth.store.database import Database, Reader
from telehealth.store.queries import person_screen, screens
from telehealth.viewer import FRAME_EVERY_S, Viewer

log = logging.getLogger(__name__)

ROUND_S: Final = 5.0
PERSONS_WITH_SAMPLES: Final = 60
"""A list longer than this shows readings only, no samples between them."""
READINGS_BACK_MS: Final = 24 * 3_600_000

GOING_AWAY: Final = 1001
SESSION_OVER: Final = 4401
NOT_ALLOWED: Final = 4403
_encode = msgspec.json.Encoder().encode


Record = Callable[..., Awaitable[None]]
"""Takes audit entries, and returns when they are durable (`AuditLog.record`)."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What one transaction found about the persons that changed."""

    cursor: int
    rows: dict[str, bytes]
    own_rows: dict[str, bytes]
    devices: dict[str, str | None]
    readings: dict[str, list[bytes]]
    alerts: dict[str, bytes]


class LiveHub:
    """Every open page of this process."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, record: Record) -> None:
        self._database = database
        self._record = record
        self._bus = bus
        self._clock = clock
        self._viewers: set[Viewer] = set()
        self._watchers: defaultdict[str, set[Viewer]] = defaultdict(set)
        self._ends: dict[tuple[Viewer, str], Callable[[], None]] = {}
        self._followed: dict[tuple[Viewer, str], str] = {}
        self._changed: set[str] = set()
        self._stir = asyncio.Event()
        self._cursor: int | None = None
        self._round_ms = 0
        self._desk = b"[]"
        self._desk_changed = False
        bus.subscribe(DESK_TOPIC, self._on_desk)

    @property
    def viewers(self) -> int:
        """How many pages are open."""
        return len(self._viewers)

    def now_ms(self) -> int:
        """The server's time, which pages show ages by."""
        return int(self._clock().timestamp() * 1000)

    def open(self, viewer: Viewer) -> None:
        """Take in a page; it hears notices of its account, and the end of its session."""
        self._viewers.add(viewer)
        self._listen(viewer, f"account:{viewer.signed_in.account_id}", self._on_notice)
        self._listen(viewer, viewer.signed_in.topic, self._on_session)

    def close(self, viewer: Viewer) -> None:
        """Forget a page."""
        self._viewers.discard(viewer)
        self._unwatch(viewer)
        for key in [key for key in self._ends if key[0] is viewer]:
            self._ends.pop(key)()

    def going_away(self) -> None:
        """End every page's socket: the server stops."""
        for viewer in self._viewers:
            viewer.close(GOING_AWAY)

    async def watch(self, viewer: Viewer, person_id: str | None, cursor: int) -> None:
        """Show a page its list, or one person; whole, or what came after its cursor.

        Raises:
            NotAllowedError: this account may not see that person.
        """
        actor = viewer.signed_in.actor
        now_ms = self.now_ms()

        def look(reader: Reader) -> tuple[frozenset[str], str, dict[str, str], _Read, bool]:
            basis = ""
            if person_id is not None:
                basis = basis_of(reader, require(reader, actor, person_id, Action.SEE_VITALS))
                persons = frozenset({person_id})
            else:
                persons = frozenset(persons_seen_by(reader, actor))
            resumed = 0 < cursor <= reader.cursor
            wanted = persons
            if resumed:
                wanted = persons & set(screens.changed_since(reader, cursor, now_ms, now_ms))
            found = _read(reader, wanted, person_id, cursor if resumed else 0, now_ms)
            return persons, basis, _devices(reader, persons, now_ms), found, resumed

        persons, basis, devices, found, resumed = await self._database.read(look)
        await self._note(viewer, person_id, persons - viewer.noted, basis)
        self._unwatch(viewer)
        viewer.persons, viewer.detail = persons, person_id
        for watched in persons:
            self._watchers[watched].add(viewer)
            self._listen(viewer, f"person:{watched}", self._on_person)
        for watched, device_id in devices.items():
            self._follow(viewer, watched, device_id)
        if not resumed:
            viewer.start_anew()
        self._give(viewer, found)

    async def _note(
        self, viewer: Viewer, detail: str | None, fresh: frozenset[str], basis: str
    ) -> None:
        """Write down whom a page begins to show, before it shows them; one row a person."""
        action = AuditAction.LIST_SEEN if detail is None else AuditAction.VIEW_OPENED
        await self._record(*(_entry(viewer, action, key, basis) for key in sorted(fresh)))
        viewer.noted |= fresh

    async def closed(self, viewer: Viewer) -> None:
        """Write down that a page about one person is no longer open."""
        if viewer.detail is not None:
            await self._record(_entry(viewer, AuditAction.VIEW_CLOSED, viewer.detail, ""))

    def _unwatch(self, viewer: Viewer) -> None:
        for person_id in viewer.persons:
            self._watchers[person_id].discard(viewer)
            if not self._watchers[person_id]:
                del self._watchers[person_id]
        for person_id in viewer.persons:
            for name in ("person", "samples"):
                end = self._ends.pop((viewer, f"{name}:{person_id}"), None)
                if end is not None:
                    end()
            self._followed.pop((viewer, f"samples:{person_id}"), None)
        viewer.persons, viewer.detail = frozenset(), None

    def _listen(
        self,
        viewer: Viewer,
        topic: str,
        act: Callable[[Viewer, str, dict[str, Any]], None],
    ) -> None:
        end = self._bus.subscribe(topic, lambda name, message: act(viewer, name, message))
        self._ends[viewer, topic] = end

    def _follow(self, viewer: Viewer, person_id: str, device_id: str | None) -> None:
        """Hear the samples of the device that this person has now, and of no other."""
        key = (viewer, f"samples:{person_id}")
        followed = self._followed.get(key)
        if followed == device_id or len(viewer.persons) > PERSONS_WITH_SAMPLES:
            return
        if followed is not None:
            self._ends.pop(key)()
            del self._followed[key]
        if device_id is None:
            return

        def samples(_topic: str, message: dict[str, Any]) -> None:
            viewer.put_samples(person_id, _encode({"person_id": person_id, **_sampled(message)}))

        self._ends[key] = self._bus.subscribe(f"device:{device_id}", samples)
        self._followed[key] = device_id

    def _on_notice(self, viewer: Viewer, _topic: str, message: dict[str, Any]) -> None:
        viewer.put_notice(_encode(message))

    def _on_session(self, viewer: Viewer, topic: str, message: dict[str, Any]) -> None:
        """Close with the session; follow it when it got a new token."""
        renewed = renewed_as(message)
        if renewed is None:
            viewer.close(SESSION_OVER)
            return
        end = self._ends.pop((viewer, topic), None)
        if end is not None:
            end()
            viewer.signed_in = replace(viewer.signed_in, session_hash=renewed)
            self._listen(viewer, viewer.signed_in.topic, self._on_session)

    def _on_person(self, _viewer: Viewer, topic: str, _message: dict[str, Any]) -> None:
        self._changed.add(topic.removeprefix("person:"))
        self._stir.set()

    def _on_desk(self, _topic: str, _message: dict[str, Any]) -> None:
        self._desk_changed = True
        self._stir.set()

    async def run(self) -> None:
        """Hand on changes as they come, and put right every few seconds what the bus lost."""
        loop = asyncio.get_running_loop()
        next_round_s = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(next_round_s):
                    await self._stir.wait()
            except TimeoutError:
                next_round_s = loop.time() + ROUND_S
                await self._safely(self.repair)
                continue
            await self._safely(self.hand_on)
            await asyncio.sleep(FRAME_EVERY_S / 2)

    async def _safely(self, act: Callable[[], Any]) -> None:
        """A database that cannot serve now is asked again in the next round."""
        try:
            await act()
        except TelehealthError:
            log.exception("live screens cannot read now")

    async def hand_on(self) -> None:
        """Read what changed, once, and give it to whoever watches."""
        self._stir.clear()
        changed = {p for p in self._changed if p in self._watchers}
        self._changed.clear()
        if self._desk_changed:
            await self._show_desk()
        if not changed:
            return
        now_ms = self.now_ms()
        detailed = {v.detail: 0 for p in changed for v in self._watchers[p] if v.detail}
        for person_id in detailed:
            detailed[person_id] = min(v.cursor for v in self._watchers[person_id] if v.detail)
        found = await self._database.read(
            lambda reader: _read_all(reader, changed, detailed, now_ms)
        )
        for person_id in changed:
            for viewer in tuple(self._watchers.get(person_id, ())):
                self._give(viewer, found, only=person_id)
                if person_id in found.devices:
                    self._follow(viewer, person_id, found.devices[person_id])

    async def _show_desk(self) -> None:
        """Tell every doctor's list what is nobody's yet, if that has changed."""
        self._desk_changed = False
        encoded = _encode(await self._database.read(screens.nobodys_alerts))
        if encoded != self._desk:
            self._desk = encoded
            for viewer in self._viewers:
                if viewer.signed_in.role is Role.DOCTOR and viewer.detail is None:
                    viewer.put_desk(encoded)

    def _give(self, viewer: Viewer, found: _Read, only: str | None = None) -> None:
        rows = found.own_rows if viewer.own else found.rows
        for person_id in (only,) if only is not None else viewer.persons:
            if person_id in rows:
                viewer.put_row(person_id, rows[person_id])
            if person_id == viewer.detail and person_id in found.alerts:
                alerts = b"[]" if viewer.own else found.alerts[person_id]
                viewer.put_detail(found.readings[person_id], alerts)
        viewer.cursor = max(viewer.cursor, found.cursor)
        viewer.wake()

    async def repair(self) -> None:
        """Find what was committed unheard, whose session is over, and whose list has changed."""
        now_ms = self.now_ms()
        viewers = tuple(self._viewers)

        def look(reader: Reader) -> tuple[int, list[str], set[bytes], dict[str, frozenset[str]]]:
            cursor = reader.cursor
            since = self._cursor if self._cursor is not None else cursor
            changed = screens.changed_since(reader, since, now_ms, self._round_ms or now_ms)
            over = {
                v.signed_in.session_hash
                for v in viewers
                if sessions.find(reader, v.signed_in.session_hash, now_ms) is None
            }
            scopes = {
                v.signed_in.account_id: frozenset(persons_seen_by(reader, v.signed_in.actor))
                for v in viewers
            }
            return cursor, changed, over, scopes

        self._cursor, changed, over, scopes = await self._database.read(look)
        self._round_ms = now_ms
        for viewer in viewers:
            await self._look_again(viewer, over, scopes[viewer.signed_in.account_id])
        self._changed.update(changed)
        self._desk_changed = True
        await self.hand_on()

    async def _look_again(self, viewer: Viewer, over: set[bytes], scope: frozenset[str]) -> None:
        if viewer.signed_in.session_hash in over:
            viewer.close(SESSION_OVER)
        elif viewer.detail is not None:
            if viewer.detail not in scope:
                viewer.close(NOT_ALLOWED)
        elif viewer.persons and viewer.persons != scope:
            await self.watch(viewer, None, 0)


def _entry(viewer: Viewer, action: AuditAction, person_id: str, basis: str) -> Entry:
    who = viewer.signed_in
    return Entry(
        action=action,
        decision="break_glass" if basis.startswith("bg-") else "allow",
        actor_id=who.account_id,
        role=who.role,
        grant_id=who.grant_id or "",
        person_id=person_id,
        target="live",
        purpose=PURPOSE_OF[who.role],
        basis=basis,
        address=viewer.address,
        session=who.session_hash.hex()[:16],
    )


def _devices(reader: Reader, persons: frozenset[str], now_ms: int) -> dict[str, str]:
    """Return the devices whose samples a page of these persons shows."""
    if len(persons) > PERSONS_WITH_SAMPLES:
        return {}
    return screens.devices_lent_to(reader, sorted(persons), now_ms)


def _read(
    reader: Reader, persons: Iterable[str], detail: str | None, cursor: int, now_ms: int
) -> _Read:
    return _read_all(reader, persons, {} if detail is None else {detail: cursor}, now_ms)


def _read_all(
    reader: Reader, persons: Iterable[str], detailed: dict[str, int], now_ms: int
) -> _Read:
    """Read and encode rows, and readings and alerts of the persons in detail, in one snapshot."""
    rows = screens.person_rows(reader, sorted(persons), now_ms)
    return _Read(
        reader.cursor,
        {row.person_id: _encode(row) for row in rows},
        {row.person_id: _encode(own_view(row)) for row in rows},
        {row.person_id: row.device_id for row in rows},
        {
            person_id: [
                _encode(reading)
                for reading in person_screen.readings_since(
                    reader, person_id, cursor, now_ms - READINGS_BACK_MS
                )
            ]
            for person_id, cursor in detailed.items()
        },
        {p: _encode(screens.alerts_of(reader, p, now_ms)) for p in detailed},
    )


def own_view(row: screens.PersonRow) -> screens.PersonRow:
    """Return a row as the person themselves is shown it: without the staff's worklist."""
    return replace(row, alerts=(), rank=(0, 0, 0.0), doctor_id=None)


def _sampled(message: dict[str, Any]) -> dict[str, Any]:
    return {"at": message["at"], "samples": message["samples"]}
