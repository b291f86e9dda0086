"""Custodians' files: text that can be printed, and typed again from paper.

Groups of four characters of Crockford's base32, and behind each line 20 bits of SHA-256 over the
export's number, the file's, the line's and its bytes, 40 bits over all at the end. These find slips
of the hand; what was altered with intent does not open (`telehealth/custody.py`, docs/keys.md).
"""

import hashlib
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from telehealth.custody import FORMAT, NUMBER_BYTES, Share, from_people, grouped, to_people
from telehealth.errors import KeysError

_LINE_BYTES: Final = 20
_CHECK_BYTES: Final = 5
_CHECK_CHARS: Final = 4
"""Of a line's check; the one at the end has all eight."""
_FILE_MAX: Final = 256 * 1024
_FIELDS: Final = ("Format", "Export", "Made", "File", "Check")
_FIELD: Final = re.compile(rf"({'|'.join(_FIELDS)}):\s*(\S.*)", re.IGNORECASE)
_SEEN_AS: Final = str.maketrans("OIL", "011")
_LINE: Final = re.compile(r"([HK])\s*([0-9]{1,4})\s+([0-9A-Za-z \t-]+)", re.IGNORECASE)


def to_text(share: Share) -> str:
    """Return the file, as it is printed."""
    lines = [
        "TELEHEALTH KEYS - HALF OF WHAT OPENS EVERY NAME",
        "Keep it where the other half is not, and where no backup is. One half opens nothing.",
        "",
        f"Format: {FORMAT}",
        f"Export: {share.export_text}",
        f"Made: {share.made_text}",
        f"File: {share.file} of 2",
        "",
        *_lines(share, "H", share.half),
        "",
        *_lines(share, "K", share.sealed),
        "",
        f"Check: {grouped(_whole_check(share))}",
    ]
    return "\n".join(lines) + "\n"


def from_text(text: str) -> Share:
    """Read a file, or what was typed from paper: case, spaces, and O I L for 0 1 1 do not matter.

    Raises:
        KeysError: not such a file, or a line whose check is wrong; names the line.
    """
    fields: dict[str, str] = {}
    typed: dict[str, list[tuple[int, str]]] = {"H": [], "K": []}
    for line in text.removeprefix("\ufeff").splitlines():
        if found := _FIELD.fullmatch(line.strip()):
            fields[found[1].capitalize()] = found[2].strip()
        elif found := _LINE.fullmatch(line.strip()):
            typed[found[1].upper()].append((int(found[2]), found[3]))
    missing = [name for name in _FIELDS if name not in fields]
    if missing or fields["Format"] != FORMAT:
        what = f"without {', '.join(missing)}" if missing else fields["Format"][:40]
        raise KeysError(f"not a custodian's file of {FORMAT}: {what}")
    number, file = from_people(fields["Export"], "Export"), fields["File"][:1]
    if file not in {"1", "2"} or len(number) != NUMBER_BYTES:
        raise KeysError("File says 1 of 2 or 2 of 2, Export eight characters")
    bare = Share(number, _read_date(fields["Made"]), int(file), b"", b"")
    share = replace(
        bare,
        half=b"".join(_data(bare, "H", at, *line) for at, line in enumerate(typed["H"], 1)),
        sealed=b"".join(_data(bare, "K", at, *line) for at, line in enumerate(typed["K"], 1)),
    )
    if from_people(fields["Check"], "Check") != from_people(_whole_check(share), "Check"):
        raise KeysError("the Check at the end does not fit: a line or a date is missing or wrong")
    return share


def check_targets(first: Path, second: Path) -> None:
    """Refuse what `write` would refuse before anything is made.

    Raises:
        KeysError: one path for both, or a file is there.
    """
    if first.resolve() == second.resolve():
        raise KeysError(f"two custodians, one file: {first}")
    for path in (first, second):
        if path.exists():
            raise KeysError(f"{path} is there already; nothing is overwritten")


def write(shares: tuple[Share, Share], first: Path, second: Path) -> None:
    """Write both files, readable by their owner alone, or neither.

    Raises:
        KeysError: as `check_targets`, or a file cannot be written.
    """
    check_targets(first, second)
    made: list[Path] = []
    try:
        for path, share in zip((first, second), shares, strict=True):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            made.append(path)
            with os.fdopen(handle, "w") as file:
                file.write(to_text(share))
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        raise KeysError(f"{error.filename or path} cannot be written: {error.strerror}") from None


def read(path: Path) -> Share:
    """Read a custodian's file.

    Raises:
        KeysError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_MAX)
    except OSError as error:
        raise KeysError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return from_text(content.decode(errors="replace"))
    except KeysError as error:
        raise KeysError(f"{path}: {error}") from None


def _lines(share: Share, kind: str, data: bytes) -> list[str]:
    pieces = [data[at : at + _LINE_BYTES] for at in range(0, len(data), _LINE_BYTES)]
    return [
        f"{kind}{at:02} {grouped(to_people(piece))}  {_check(share, kind, at, piece)}"
        for at, piece in enumerate(pieces, 1)
    ]


def _data(share: Share, kind: str, wanted: int, at: int, typed: str) -> bytes:
    """Return a line's bytes; the last four characters are its check."""
    if at != wanted:
        raise KeysError(f"line {kind}{wanted:02} is missing, {kind}{at:02} stands there")
    characters = re.sub(r"[\s-]", "", typed)
    piece = from_people(characters[:-_CHECK_CHARS], f"line {kind}{at:02}")
    check = characters[-_CHECK_CHARS:].upper().translate(_SEEN_AS)
    if check != _check(share, kind, at, piece):
        raise KeysError(f"line {kind}{at:02} was typed or read wrongly: its check does not fit")
    return piece


def _check(share: Share, kind: str, at: int, piece: bytes) -> str:
    words = f"{FORMAT}\0{share.number.hex()}\0{share.file}\0{kind}{at}\0".encode()
    return to_people(hashlib.sha256(words + piece).digest()[:_CHECK_BYTES])[:_CHECK_CHARS]


def _whole_check(share: Share) -> str:
    digest = hashlib.sha256(share.bound + bytes([share.file]))
    digest.update(share.half + share.sealed)
    return to_people(digest.digest()[:_CHECK_BYTES])


def _read_date(typed: str) -> datetime:
    try:
        return datetime.strptime(typed.upper(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise KeysError("Made: a date like 2026-01-31T08:00:00Z") from None
