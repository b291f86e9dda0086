"""A backup as a file: a tar of a manifest and the parts that it names, written and read in pieces.

The manifest comes last in making and first in the file, so that the parts can be checked while they
are read. Nothing of an archive decides where a file is written.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

from telehealth.errors import RefusedError

FORMAT: Final = "telehealth-backup-1"
MANIFEST: Final = "manifest.json"
CHECKPOINTS: Final = "checkpoints.jsonl"
_MANIFEST_MAX: Final = 4 << 20
_PIECE: Final = 1 << 20


class Part(msgspec.Struct, frozen=True):
    """A file within the archive."""

    name: str
    size: int
    sha256: str


class Head(msgspec.Struct, frozen=True):
    """How long a chain of the audit log was."""

    chain_id: str
    seq: int
    mac: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds; no secret, and nothing about anybody."""

    format: str = FORMAT
    made_at: str
    """ISO, UTC, by the database's clock."""
    engine: str
    """sqlite or postgresql."""
    engine_version: str
    schema_revision: str
    tables: dict[str, int]
    """Rows of each table."""
    audit_heads: list[Head]
    data_keys: list[str]
    """Ids of the keys without which some field stays closed."""
    parts: list[Part]

    @property
    def database(self) -> Part:
        """The part that is the database."""
        return self.parts[0]


_decode: Final = msgspec.json.Decoder(Manifest).decode


def part_of(path: Path, name: str) -> Part:
    """Return the entry of a file, with its hash."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Part(name, file.tell(), digest.hexdigest())


def write(target: Path, manifest: Manifest, files: Sequence[Path]) -> None:
    """Write the archive whole or not at all, readable by its owner alone.

    Args:
        target: a path at which nothing is yet.
        manifest: whose parts have the order of `files`.
        files: what goes in.
    """
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    draft = target.with_name(f".{target.name}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                archive.addfile(_entry(MANIFEST, len(text)), io.BytesIO(text))
                for part, path in zip(manifest.parts, files, strict=True):
                    with path.open("rb") as source:
                        archive.addfile(_entry(part.name, part.size), source)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)
    except FileExistsError:
        raise RefusedError("backup", "a path at which nothing is yet", str(target)) from None
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o600
    return entry


def unpack(source: Path, folder: Path) -> Manifest:
    """Check an archive against its manifest and lay its parts into an empty folder.

    Returns:
        The manifest; its parts lie in the folder under their own plain names.

    Raises:
        RefusedError: no such archive, or a part is missing, cut off or not what it was.
    """
    try:
        with tarfile.open(source, "r:") as archive:
            manifest = _manifest(archive)
            for part in manifest.parts:
                _unpack(archive, part, folder / part.name)
    except FileNotFoundError:
        raise RefusedError("backup", "a file", str(source)) from None
    except (tarfile.TarError, EOFError) as error:
        raise RefusedError("backup", "a whole tar archive", type(error).__name__) from None
    return manifest


def _manifest(archive: tarfile.TarFile) -> Manifest:
    entry = archive.next()
    if entry is None or entry.name != MANIFEST or entry.size > _MANIFEST_MAX:
        raise RefusedError("backup", f"{MANIFEST} first", entry.name if entry else "nothing")
    try:
        found = _decode(_content(archive, entry).read())
    except msgspec.DecodeError as error:
        raise RefusedError("manifest", FORMAT, str(error)) from None
    if found.format != FORMAT:
        raise RefusedError("manifest", FORMAT, found.format)
    names = [part.name for part in found.parts]
    wanted = [[f"database.{found.engine}"], [f"database.{found.engine}", CHECKPOINTS]]
    if found.engine not in {"sqlite", "postgresql"} or names not in wanted:
        raise RefusedError("manifest", "one database, and the checkpoints at most", names)
    return found


def _unpack(archive: tarfile.TarFile, part: Part, target: Path) -> None:
    entry = archive.next()
    if entry is None or entry.name != part.name or entry.size != part.size:
        raise RefusedError("backup", f"{part.name} of {part.size} bytes", entry and entry.name)
    digest = hashlib.sha256()
    content = _content(archive, entry)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while piece := content.read(_PIECE):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != part.sha256:
        raise RefusedError("backup", f"{part.name} with the SHA-256 of the manifest", "another")


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    found = archive.extractfile(entry) if entry.isreg() else None
    if found is None:
        raise RefusedError("backup", "plain files only", entry.name)
    return found
