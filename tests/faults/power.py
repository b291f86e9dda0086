"""What a power cut leaves: a disk made of synced writes only, and the order of sync and ack.

Theory of operation. `Disk` replays a trace. A write waits until a sync of its file that *began*
after the write had ended has itself ended; a new file, until its folder was synced so. What waits
at the moment of the cut is gone: nothing survives by luck, so this is the worst disk that may be
handed back. `acks_before_their_sync` looks at the same trace from the other side: the batch's own
bytes, then a sync begun after them and ended, and only then the acknowledgement.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.trace import Call

SYNCS: Final = frozenset({"fdatasync", "fsync"})
_SENDS: Final = frozenset({"write", "writev", "sendto", "sendmsg"})
_ACK: Final = re.compile(rb'\{"type":"ack","stream":"(live|backlog)","seq":(\d+)')
_MARK: Final = re.compile(rb'"record":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class SentAck:
    """An acknowledgement on its way to a gateway."""

    began: int
    port: int
    stream: str
    seq: int


def acks(trace: Sequence[Call]) -> list[SentAck]:
    """Return the acknowledgements that were given to the kernel, in that order."""
    found = [
        SentAck(call.began, int(call.target), stream.decode(), int(seq))
        for call in trace
        if call.name in _SENDS and call.target.isdigit()
        for stream, seq in _ACK.findall(call.data)
    ]
    return sorted(found, key=lambda ack: ack.began)


def acks_before_their_sync(
    trace: Sequence[Call], wal: str, promised: Mapping[SentAck, Sequence[str]]
) -> list[str]:
    """Return the marks that were acknowledged before a sync begun after their write had ended.

    Args:
        trace: what the server did.
        wal: the file that its commits go to.
        promised: what each acknowledgement was the first to promise.
    """
    written: dict[str, int] = {}
    for call in trace:
        if call.name == "pwrite64" and call.target == wal:
            for mark in _MARK.findall(call.data):
                written.setdefault(mark.decode(), call.ended)
    syncs = [c for c in trace if c.name in SYNCS and c.target == wal and c.result == 0]
    return [
        mark
        for ack, marks in promised.items()
        for mark in marks
        if mark not in written
        or not any(s.began > written[mark] and s.ended < ack.began for s in syncs)
    ]


@dataclass(slots=True)
class _File:
    """A file's synced bytes, and the calls that wait for a sync."""

    synced: bytearray
    named: bool
    """Whether its folder was synced since it was made."""
    waiting: list[Call] = field(default_factory=list)


class Disk:
    """Some files, as far as their contents have been synced.

    Args:
        files: what is on the disk when the trace begins, by path.
        watched: the paths that are replayed; others are passed over.
    """

    def __init__(self, files: Mapping[str, bytes], watched: Sequence[str]) -> None:
        self._files = {path: _File(bytearray(data), named=True) for path, data in files.items()}
        self._watched = frozenset(watched)
        self._folders = frozenset(str(Path(path).parent) for path in watched)

    def after(self, trace: Sequence[Call]) -> Iterator[int]:
        """Replay; yields each place of the trace at which what is durable has just changed."""
        points: list[tuple[int, bool, Call]] = []
        for call in trace:
            if call.result is not None and call.result >= 0 and self._is_ours(call):
                points += [(call.began, False, call), (call.ended, True, call)]
        covered: dict[int, list[tuple[str, int]]] = {}
        for place, is_end, call in sorted(points, key=lambda point: point[:2]):
            if call.name not in SYNCS:
                if is_end:
                    self._note(call)
            elif not is_end:
                covered[id(call)] = self._covers(call.target)
            else:
                self._settle(call.target, covered.pop(id(call)))
                yield place

    def contents(self) -> dict[str, bytes]:
        """Return what a power cut now would leave, by path."""
        return {path: bytes(file.synced) for path, file in self._files.items() if file.named}

    def _is_ours(self, call: Call) -> bool:
        return call.target in self._watched or (call.name in SYNCS and call.target in self._folders)

    def _note(self, call: Call) -> None:
        if call.name == "openat":
            if "O_CREAT" in call.arguments:
                self._files.setdefault(call.target, _File(bytearray(), named=False))
        elif call.name == "unlink":
            self._files.pop(call.target, None)
        else:
            self._files[call.target].waiting.append(call)

    def _covers(self, target: str) -> list[tuple[str, int]]:
        """Return what a sync that begins now will have settled: files, and how many calls."""
        if target in self._folders:
            return [(path, 0) for path in self._files if str(Path(path).parent) == target]
        return [(target, len(self._files[target].waiting))]

    def _settle(self, target: str, covered: Sequence[tuple[str, int]]) -> None:
        for path, count in covered:
            file = self._files.get(path)
            if file is None:
                continue
            if target in self._folders:
                file.named = True
            for call in file.waiting[:count]:
                _apply(call, file.synced)
            del file.waiting[:count]


def _apply(call: Call, synced: bytearray) -> None:
    if call.name == "ftruncate":
        del synced[call.number :]
        synced.extend(bytes(call.number - len(synced)))
        return
    assert call.result == len(call.data), "the trace shows every byte that was written"
    at = call.number
    synced.extend(bytes(max(0, at - len(synced))))
    synced[at : at + len(call.data)] = call.data
