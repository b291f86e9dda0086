"""The log that a process writes: durable before it says so, and attested outside the database.

Theory of operation. Entries that gather while the last transaction ran go into the next one. The
head is kept in memory and never asked of the database, so that what somebody does there does not
carry over into what is written next. Nobody can know whether a transaction that failed is in the
database all the same; so after a failure the next entries begin a new chain.
"""

import asyncio
import logging
import os
import pwd
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from telehealth.audit import checkpoint_file, rows
from telehealth.audit.chain import Entry, Head, key_id_of
from telehealth.audit.checkpoints import line_of
from telehealth.clock import Clock
from telehealth.errors import UnavailableError
from telehealth.store.database import Database, Transaction
from telehealth.vault import Vault

T = TypeVar("T")
log = logging.getLogger(__name__)
INTERVAL_S: Final = 1.0
"""At most one checkpoint in this time."""
SERVER: Final = "server"
"""Who begins the chain of a running server."""
_GROUP_ENTRIES: Final = 2_000


@dataclass(slots=True)
class _Waiting:
    """Entries of one caller, and what tells them that they are durable."""

    entries: Sequence[Entry]
    done: asyncio.Future[None]


class AuditLog:
    """One process's chain, and its checkpoints."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        checkpoints: Path,
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._path = checkpoints
        self._interval_s = interval_s
        self._head: Head | None = None
        self._known: Head | None = None
        """Where the chain last stood for certain, also after a failure."""
        self._to_attest: dict[str, Head] = {}
        """Heads that no checkpoint names yet."""
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._attesting = asyncio.Lock()

    @property
    def head(self) -> Head | None:
        """Where this process's chain stands; None before it begins."""
        return self._known

    async def open(self) -> None:
        """Begin the chain and write the first checkpoint: a server that cannot does not start.

        Raises:
            UnavailableError: the database or the checkpoint file cannot be written.
        """
        await self._queue(())
        try:
            await self.checkpoint()
        except OSError as error:
            raise UnavailableError(f"audit checkpoints cannot be written: {error}") from error

    async def record(self, *entries: Entry) -> None:
        """Write entries; they are durable when this returns.

        Raises:
            UnavailableError: they are not, and what they were to speak of must not happen.
        """
        if entries:
            await self._queue(entries)

    async def _queue(self, entries: Sequence[Entry]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(entries, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="audit")
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                await self._write([entry for waiting in group for entry in waiting.entries])
            except Exception as error:
                self._head = None
                log.exception("audit entries cannot be written", extra={"groups": len(group)})
                for waiting in group:
                    if not waiting.done.done():
                        waiting.done.set_exception(_unavailable(error))
            else:
                for waiting in group:
                    if not waiting.done.done():
                        waiting.done.set_result(None)

    def _next_group(self) -> list[_Waiting]:
        """Take what has gathered, whole callers only, up to about the most of one transaction."""
        group: list[_Waiting] = []
        count = 0
        while self._waiting and count < _GROUP_ENTRIES:
            group.append(self._waiting.popleft())
            count += len(group[-1].entries)
        return group

    async def _write(self, entries: Sequence[Entry]) -> None:
        at_ms = self._now_ms()
        if self._head is None or key_id_of(self._head.chain_id) != self._newest_key:
            head, named = await self._begun(entries, at_ms)
            self._to_attest |= {found.chain_id: found for found in named}
        else:
            before = self._head
            head = await self._database.write(
                lambda tx: rows.append(tx, self._vault, before, entries, at_ms=at_ms)
            )
        self._head = self._known = head
        self._to_attest[head.chain_id] = head
        self._moved.set()

    @property
    def _newest_key(self) -> bytes:
        return self._vault.keyring.audit[0].key_id

    async def _begun(self, entries: Sequence[Entry], at_ms: int) -> tuple[Head, list[Head]]:
        line = await asyncio.to_thread(_line, self._path)

        def begin(tx: Transaction) -> tuple[Head, list[Head]]:
            head, named = rows.begin(
                tx, self._vault, at_ms=at_ms, actor_id=SERVER, own=self._known, line=line
            )
            return rows.append(tx, self._vault, head, entries, at_ms=at_ms), named

        return await self._database.write(begin)

    async def run(self) -> None:
        """Write checkpoints until cancelled, at most one in the interval while entries come."""
        while True:
            await self._moved.wait()
            try:
                await self.checkpoint()
            except OSError as error:
                log.error("audit checkpoint cannot be written", extra={"why": str(error)})
            await asyncio.sleep(self._interval_s)

    async def checkpoint(self) -> None:
        """Write one line with the heads that no line names yet; none, when there are none.

        Raises:
            OSError: the file cannot be written; the next line names them too.
        """
        # A cancelled caller leaves the line to be finished: half-known, it would come twice.
        attesting = asyncio.ensure_future(self._attest())
        attesting.add_done_callback(_heard)
        await asyncio.shield(attesting)

    async def _attest(self) -> None:
        async with self._attesting:
            heads = self._to_attest
            if not heads:
                return
            self._to_attest = {}
            self._moved.clear()
            try:
                await asyncio.to_thread(
                    attest, self._path, self._vault, list(heads.values()), at_ms=self._now_ms()
                )
            except BaseException:
                self._to_attest = heads | self._to_attest
                self._moved.set()
                raise

    async def close(self) -> None:
        """Write what still waits, and a last checkpoint."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
        try:
            await self.checkpoint()
        except OSError as error:
            log.error("last audit checkpoint cannot be written", extra={"why": str(error)})

    def _now_ms(self) -> int:
        return int(self._clock().timestamp() * 1000)


def attest(path: Path, vault: Vault, heads: Sequence[Head], *, at_ms: int) -> None:
    """Append a signed checkpoint; it is on disk when this returns.

    Raises:
        OSError: the file cannot be written.
    """
    identity = vault.keyring.identity[0]
    checkpoint_file.append(
        path, lambda previous: line_of(heads, previous=previous, at_ms=at_ms, identity=identity)
    )


async def with_command_log(
    database: Database,
    vault: Vault,
    checkpoints: Path,
    act: Callable[[Transaction], T],
    entries_of: Callable[[T], Sequence[Entry]],
) -> T:
    """Act for a command and write what it did, in one transaction: both are there, or neither.

    Args:
        database: the gate.
        vault: the keys.
        checkpoints: the checkpoint file.
        act: what the command does.
        entries_of: what is to be written of it, given what `act` returned.

    Raises:
        UnavailableError: the database or the checkpoint file cannot be written, and so nothing
            was done.
    """
    who = command_user()
    try:
        line = await asyncio.to_thread(checkpoint_file.ready, checkpoints)
    except OSError as error:
        raise UnavailableError(f"audit checkpoints cannot be written: {error}") from error

    def both(tx: Transaction) -> tuple[T, list[Head], int]:
        at_ms = tx.now_ms
        head, named = rows.begin(tx, vault, at_ms=at_ms, actor_id=who, own=None, line=line)
        found = act(tx)
        head = rows.append(tx, vault, head, entries_of(found), at_ms=at_ms)
        return found, [*named, head], at_ms

    found, heads, at_ms = await database.write(both)
    try:
        await asyncio.to_thread(attest, checkpoints, vault, heads, at_ms=at_ms)
    except OSError as error:  # done is done: the next chain names this one
        log.error("audit checkpoint cannot be written", extra={"why": str(error)})
    return found


def command_user() -> str:
    """Return whom to name as the actor of a command: the operating system's user, by its number."""
    number = os.getuid()
    try:
        return f"command:{pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"command:{number}"


def _line(path: Path) -> str:
    """Return the last line's hash; a file that cannot be read is left to the next checkpoint."""
    try:
        return checkpoint_file.last_hash(path)
    except OSError as error:
        log.error("audit checkpoints cannot be read", extra={"why": str(error)})
        return ""


def _heard(attesting: asyncio.Future[None]) -> None:
    """Take note of a failure whose caller has gone; its heads wait for the next line."""
    if not attesting.cancelled():
        attesting.exception()


def _unavailable(error: Exception) -> UnavailableError:
    found = UnavailableError(f"audit entries cannot be written: {error}")
    found.__cause__ = error
    return found
