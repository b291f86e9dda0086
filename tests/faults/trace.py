"""What a server asked of the kernel, as `strace` wrote it down, and what a power cut would leave.

Theory of operation. A line is an event; a call that another thread interrupts has two, and only
its end makes it done. `Disk` replays the events of some files: a write waits until a sync of its
file that *began* after the write had ended has itself ended; a new file waits for a sync of its
folder too. What does not wait any more is what a power cut must leave, so `Disk.durable` is the
worst disk that the hardware may hand back. It reorders nothing and keeps nothing by luck.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

STRACE: Final = (
    "strace", "-f", "-qq", "-yy", "-xx", "-s", "70000", "--seccomp-bpf", "-e", "signal=none", "-e",
    "trace=openat,pwrite64,pwritev,write,writev,sendto,sendmsg,fdatasync,fsync,ftruncate,unlink",
)  # fmt: skip
"""Every call by which a file or a socket changes; strings whole, in hexadecimal."""

_LINE: Final = re.compile(r"^(\d+) +(.*)$")
_RESUMED: Final = re.compile(r"^<\.\.\. \w+ resumed>(.*)$")
_CALL: Final = re.compile(r"^(\w+)\((.*)$", re.DOTALL)
_RESULT: Final = re.compile(r"\) += (-?\d+)(?:<(.*?)>)?")
_DESCRIPTOR: Final = re.compile(r"^\d+<(.*?)>(?=[,)])")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_PEER: Final = re.compile(r"TCP:\[.*->127\.0\.0\.1:(\d+)\]")
_ACK: Final = re.compile(rb'\{"type":"ack","stream":"(live|backlog)","seq":(\d+)')
_UNFINISHED: Final = " <unfinished ...>"
_NO_ENTRY: Final = "openat"


@dataclass(frozen=True, slots=True)
class Event:
    """A system call that began, or ended, at this place of the trace."""

    thread: str
    name: str
    path: str
    """The file of its descriptor, or its argument; of a TCP socket, the peer's port."""
    data: bytes
    offset: int
    ended: bool
    result: int = 0
    creates: bool = False


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the beginning and the end of every call."""
    begun: dict[str, str] = {}
    for line in lines:
        match = _LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        thread, text = match.groups()
        resumed = _RESUMED.match(text)
        if resumed is not None:
            head = begun.pop(thread, "")
            yield from _parsed(thread, head + resumed[1], begins=False, ends=True)
        elif text.endswith(_UNFINISHED):
            begun[thread] = text.removesuffix(_UNFINISHED)
            yield from _parsed(thread, begun[thread] + ")", begins=True, ends=False)
        else:
            yield from _parsed(thread, text, begins=True, ends=True)


def _parsed(thread: str, text: str, *, begins: bool, ends: bool) -> Iterator[Event]:
    call = _CALL.match(text)
    if call is None:
        return
    name, rest = call.groups()
    strings = [_bytes(found) for found in _STRING.findall(rest)]
    found = _RESULT.search(rest)
    result = int(found[1]) if found is not None else 0
    descriptor = _DESCRIPTOR.match(rest)
    path = _path(descriptor[1]) if descriptor else strings[0].decode() if strings else ""
    if name == "openat":
        path = strings[0].decode() if strings else ""
    offset = 0
    if name in ("pwrite64", "ftruncate") and found is not None:
        offset = int(rest[: found.start()].rpartition(",")[2])
    data = b"".join(strings) if name in _WRITES else b""
    event = Event(thread, name, path, data, offset, False, creates="O_CREAT" in rest)
    if begins:
        yield event
    if ends and found is not None:
        yield Event(thread, name, path, data, offset, True, result, event.creates)


_WRITES: Final = frozenset({"pwrite64", "pwritev", "write", "writev", "sendto", "sendmsg"})
_SYNCS: Final = frozenset({"fdatasync", "fsync"})


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _path(shown: str) -> str:
    peer = _PEER.match(shown)
    if peer is not None:
        return peer[1]
    return _bytes(shown).decode() if shown.startswith("\\x") else shown
