"""Reading out and wiping the memory of an oximeter over RACP, without the radio. Pure.

Theory of operation. Records are fetched after each absence and deleted on the device only when the
server has acknowledged every one of them, and only while the device still holds just those::

    state       what comes                       then
    COUNTING    number of records, 0             -> DONE
                number of records, n             ask for all           -> FETCHING
                no records found                 -> DONE
    FETCHING    a record                         count it
                success, n records came          -> KEEPING
                success, fewer or more came      count again, at most 3 times -> COUNTING
    KEEPING     owed by the server: none         count again           -> RECOUNTING
    RECOUNTING  number of records, still n       delete all            -> DELETING
                another number                   ask for all           -> FETCHING
    DELETING    success                          -> DONE
                anything else                    -> DONE; the device keeps them, and we know them
    any         no answer in `ANSWER_S`          -> FAILED; what came is kept
    FAILED      `AGAIN_S` later                  count again           -> COUNTING

A record that comes again is the same record (docs/uplink.md), so fetching twice does no harm.
"""

from enum import Enum, auto
from typing import Final

from protocols.gatt.racp import (
    COUNT_ALL,
    DELETE_ALL,
    REPORT_ALL,
    Answer,
    NumberOfRecords,
    OpCode,
    Response,
    ResponseCode,
)

ANSWER_S: Final = 30.0
"""A device that says nothing for so long, neither record nor answer, has given up."""
MOST_FETCHES: Final = 3
AGAIN_S: Final = 300.0
"""A link that stays up gives a memory that could not be read another chance."""


class Transfer(Enum):
    """Where the transfer stands."""

    COUNTING = auto()
    FETCHING = auto()
    KEEPING = auto()
    RECOUNTING = auto()
    DELETING = auto()
    DONE = auto()
    FAILED = auto()


class StoredRecords:
    """The memory of one device over one connection; each call returns what to write, or nothing.

    Args:
        now_s: any monotonic clock, at the first write.
    """

    def __init__(self, now_s: float) -> None:
        self.state = Transfer.COUNTING
        self.fetched = 0
        """Records that came with the present fetch."""
        self._expected = 0
        self._fetches = 0
        self._heard_s = now_s

    def begin(self) -> bytes:
        """Return the first request."""
        return COUNT_ALL

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do on this connection."""
        return self.state in (Transfer.DONE, Transfer.FAILED)

    def record_came(self, now_s: float) -> None:
        """A record of the device's memory was heard."""
        self._heard_s = now_s
        if self.state is Transfer.FETCHING:
            self.fetched += 1

    def answered(self, answer: Answer, now_s: float) -> bytes | None:
        """Take an answer of the device; one that nobody asked for is passed over."""
        self._heard_s = now_s
        match self.state, answer:
            case ((Transfer.COUNTING | Transfer.RECOUNTING), NumberOfRecords(count)):
                return self._counted(count)
            case Transfer.COUNTING, Response(OpCode.COUNT, _):
                self.state = Transfer.DONE
            case Transfer.FETCHING, Response(OpCode.REPORT, ResponseCode.SUCCESS):
                return self._fetched(now_s)
            case Transfer.FETCHING, Response(OpCode.REPORT, ResponseCode.NO_RECORDS_FOUND):
                self.state = Transfer.DONE
            case Transfer.FETCHING, Response(OpCode.REPORT, _):
                self.state = Transfer.FAILED
            case ((Transfer.RECOUNTING | Transfer.DELETING), Response()):
                self.state = Transfer.DONE
        return None

    def tick(self, now_s: float, owed: int) -> bytes | None:
        """Let time pass; `owed` is how many records the server has not acknowledged yet."""
        if self.state is Transfer.KEEPING and not owed:
            self.state = Transfer.RECOUNTING
            self._heard_s = now_s
            return COUNT_ALL
        if self.state is Transfer.FAILED and now_s - self._heard_s >= AGAIN_S:
            self._fetches = 0
            return self._count(now_s)
        waits = self.state is not Transfer.KEEPING and not self.over
        if waits and now_s - self._heard_s >= ANSWER_S:
            self.state = Transfer.FAILED
            self._heard_s = now_s
        return None

    def _count(self, now_s: float) -> bytes:
        self.state = Transfer.COUNTING
        self._heard_s = now_s
        return COUNT_ALL

    def _counted(self, count: int) -> bytes | None:
        if not count:
            self.state = Transfer.DONE
            return None
        if self.state is Transfer.RECOUNTING and count == self.fetched:
            self.state = Transfer.DELETING
            return DELETE_ALL
        self._expected = count
        return self._fetch()

    def _fetched(self, now_s: float) -> bytes | None:
        if self.fetched == self._expected:
            self.state = Transfer.KEEPING
            return None
        if self._fetches >= MOST_FETCHES:
            self.state = Transfer.FAILED
            return None
        return self._count(now_s)

    def _fetch(self) -> bytes:
        self._fetches += 1
        self.fetched = 0
        self.state = Transfer.FETCHING
        return REPORT_ALL
