"""What a server asked of the kernel, as `strace` wrote it down: calls, each with begin and end."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

STRACE: Final = (
    "strace", "-f", "-qq", "-yy", "-xx", "-s", "65536", "--seccomp-bpf", "-e", "signal=none", "-e",
    "trace=openat,pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync,ftruncate,unlink",
)  # fmt: skip
"""Every call by which a database file or a socket changes; strings whole and in hexadecimal."""

_LINE: Final = re.compile(r"(\d+) +(.*)\n?")
_RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_CALL: Final = re.compile(r"(\w+)\((?:AT_FDCWD|(\d+))?(?:<(.*?)>(?=[,)]))?(.*)\) += (-?\d+|\?)")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_SOCKET: Final = re.compile(r"TCP:\[.*->.*:(\d+)\]")
_UNFINISHED: Final = " <unfinished ...>"


@dataclass(frozen=True, slots=True)
class Call:
    """One system call; `began` and `ended` are places in the trace, in the order of the kernel."""

    began: int
    ended: int
    name: str
    target: str
    """The file it is about; of a TCP socket, the peer's port."""
    data: bytes
    arguments: str
    """What is shown after target and strings."""
    result: int | None
    """None: the process died in it."""

    @property
    def number(self) -> int:
        """The last argument: a file offset, or a length."""
        return int(self.arguments.rpartition(",")[2])


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """Yield the calls of a trace in the order in which they ended.

    A call that another thread came between is shown in two lines; its end is the second.
    """
    begun: dict[str, tuple[int, str]] = {}
    place = 0
    for line in lines:
        place += 1
        shown = _LINE.fullmatch(line)
        if shown is None:
            continue
        thread, text = shown.groups()
        resumed = _RESUMED.fullmatch(text)
        if text.endswith(_UNFINISHED):
            begun[thread] = (place, text.removesuffix(_UNFINISHED))
        elif resumed is not None:
            began, head = begun.pop(thread)
            yield from _parse(began, place, head + resumed[1])
        else:
            yield from _parse(place, place, text)
    for began, head in begun.values():
        yield from _parse(began, place + 1, f"{head}) = ?")


def _parse(began: int, ended: int, text: str) -> Iterator[Call]:
    shown = _CALL.match(text)
    if shown is None:
        return
    name, _descriptor, target, rest, result = shown.groups()
    strings = [_plain(found) for found in _STRING.findall(rest)]
    if name in ("openat", "unlink"):
        target = strings.pop(0).decode()
    else:
        target = _target(target or "")
    yield Call(
        began=began,
        ended=ended,
        name=name,
        target=target,
        data=b"".join(strings),
        arguments=_STRING.sub("", rest),
        result=None if result == "?" else int(result),
    )


def _target(shown: str) -> str:
    socket = _SOCKET.match(shown)
    if socket is not None:
        return socket[1]
    return _plain(shown).decode() if shown.startswith("\\x") else shown


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
