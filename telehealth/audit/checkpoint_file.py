"""The checkpoint file: appended under a lock, on disk before the call returns.

Several processes of one machine may share it: whoever holds the lock reads the last line, names its
hash in the new one, and writes that with one call.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from telehealth.audit.checkpoints import line_hash

_BLOCK: Final = 4_096


def append(path: Path, make: Callable[[str], bytes]) -> None:
    """Append one line.

    Args:
        path: the file; made, readable by its owner alone, when it is not there.
        make: is given the hash of the last line, or an empty text, and returns the new line.

    Raises:
        OSError: it cannot be written; nothing of the line stays.
    """
    handle = _opened(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        end = _whole_lines_end(handle)
        line = make(_last_hash(handle, end))
        os.ftruncate(handle, end)
        try:
            if os.write(handle, line) < len(line):
                raise OSError(f"{path} took only a part of a line")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)
    if end == 0:
        _sync_folder(path.parent)


def ready(path: Path) -> str:
    """Make sure that a line can be added, and return the hash of the last one.

    Raises:
        OSError: none can be added.
    """
    handle = _opened(path)
    try:
        return _last_hash(handle, _whole_lines_end(handle))
    finally:
        os.close(handle)


def last_hash(path: Path) -> str:
    """Return the hash of the last line; empty when there is none, or no file.

    Raises:
        OSError: there is a file, and it cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        return _last_hash(handle, _whole_lines_end(handle))
    finally:
        os.close(handle)


def lines_of(paths: Sequence[Path]) -> Iterator[bytes]:
    """Yield the lines of files in their order, each with its newline if it has one.

    Raises:
        OSError: one of them is not there or cannot be read.
    """
    for path in paths:
        with path.open("rb") as file:
            yield from file


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _whole_lines_end(handle: int) -> int:
    """Return where the last newline ends: behind it lies what a power cut left of a line."""
    return _newline_before(handle, os.fstat(handle).st_size) + 1


def _last_hash(handle: int, end: int) -> str:
    if end == 0:
        return ""
    start = _newline_before(handle, end - 1) + 1
    return line_hash(os.pread(handle, end - start, start))


def _newline_before(handle: int, position: int) -> int:
    """Return where the last newline before a position stands; -1: nowhere."""
    while position > 0:
        start = max(0, position - _BLOCK)
        found = os.pread(handle, position - start, start).rfind(b"\n")
        if found >= 0:
            return start + found
        position = start
    return -1


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
