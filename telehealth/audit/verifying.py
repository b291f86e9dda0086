"""Finds whatever somebody did to the log.

Each row is held against the row before, each chain against what checkpoints and later chains know
of it. One pass in the order of the primary key, in chunks: memory goes with the number of chains,
not of rows. What a chain must hold is gathered before, from checkpoints and from first entries.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Any, Final

from telehealth.audit import rows
from telehealth.audit.chain import FIELDS, FIRST, Mac, heads_in, key_id_of, mac_of_values
from telehealth.audit.checkpoints import Trail, line_hash
from telehealth.audit.rows import Stored
from telehealth.errors import KeysError
from telehealth.store.database import Reader
from telehealth.vault import Vault

_TARGET: Final = FIELDS.index("target")
_BASIS: Final = FIELDS.index("basis")
ReadLines = Callable[[], Iterable[bytes]]
Required = dict[str, dict[int, bytes]]
"""Chain to number to the mac that somebody trusted saw there."""


class FindingKind(StrEnum):
    """What is wrong."""

    ALTERED = "altered"
    """The row says something else than when it was written."""
    MISSING = "missing"
    """Rows were taken out."""
    APPENDED = "appended"
    """Rows that do not follow: put in, or written anew, without the key."""
    CUT = "cut"
    """The chain ends before a row that somebody trusted has seen."""
    REWRITTEN = "rewritten"
    """The chain is whole, but another than the one that somebody trusted has seen."""
    CHAIN_GONE = "chain_gone"
    """Nothing is left of a chain that somebody trusted has seen."""
    UNKNOWN_KEY = "unknown_key"
    """A chain whose key is not in the keyring: forged, or a key was lost."""
    CHECKPOINT_ALTERED = "checkpoint_altered"
    """A line that the server did not sign as it stands."""
    CHECKPOINT_MISSING = "checkpoint_missing"
    """Lines were taken out of the checkpoint file."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with where."""

    kind: FindingKind
    where: str
    """The chain, or `checkpoints`."""
    first: int = 0
    last: int = 0
    """Numbers of the rows or lines, both included; 0: the whole."""

    def __str__(self) -> str:
        """Say it in one line."""
        place = "line" if self.where == CHECKPOINTS else "entry"
        numbers = "" if not self.first else f" {place} {self.first}"
        if self.last > self.first:
            numbers += f" to {self.last}"
        return f"{self.kind}: {self.where}{numbers}"


CHECKPOINTS: Final = "checkpoints"


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found in how much."""

    findings: list[Finding]
    entries: int
    chains: int

    def __str__(self) -> str:
        """Say it in one line."""
        count = len(self.findings)
        findings = "1 finding" if count == 1 else f"{count} findings"
        return f"{findings} in {self.entries} entries of {self.chains} chains"


def verify(reader: Reader, vault: Vault, read_lines: ReadLines | None = None) -> Report:
    """Check every row, every chain and every checkpoint.

    Args:
        reader: one state of the database; it is not looked at before the lines have been read
            once, so whatever a line names is in it.
        vault: the keys, with all old ones.
        read_lines: reads the checkpoint file from its beginning; asked twice, because a server
            that runs meanwhile may begin a chain that names a line written after the first time.
            None: without checkpoints.
    """
    trail = Trail(vault.keyring.identity)
    for line in read_lines() if read_lines is not None else ():
        trail.add(line)
    trail.end()
    required: Required = {}
    for head in trail.heads.values():
        required.setdefault(head.chain_id, {})[head.seq] = head.mac
    lines_named = _ask_openings(reader, vault, required)
    checker = _Checker(vault, required)
    findings = list(_joined(checker.check(rows.stream(reader))))
    findings += [_line(FindingKind.CHECKPOINT_ALTERED, number) for number in trail.altered]
    findings += [_line(FindingKind.CHECKPOINT_MISSING, number) for number in trail.missing]
    if read_lines is not None and _unread(lines_named, read_lines):
        findings.append(Finding(FindingKind.CHECKPOINT_MISSING, CHECKPOINTS))
    return Report(findings, checker.entries, checker.chains)


def _unread(named: set[str], read_lines: ReadLines) -> set[str]:
    """Return which of the lines that first entries name are not in the file."""
    if named:
        for line in read_lines():
            named.discard(line_hash(line))
    return named


def _line(kind: FindingKind, number: int) -> Finding:
    return Finding(kind, CHECKPOINTS, number, number)


def _ask_openings(reader: Reader, vault: Vault, required: Required) -> set[str]:
    """Gather what first entries name: heads of other chains, and lines of the checkpoint file."""
    lines: set[str] = set()
    for row in rows.openings(reader):
        key_id = key_id_of(row.chain_id)
        mac = _mac(vault, key_id) if key_id else None
        if mac is None or _computed(FIRST, row, mac) != row.mac:
            continue
        for head in heads_in(row.values[_TARGET]):
            required.setdefault(head.chain_id, {})[head.seq] = head.mac
        if row.values[_BASIS]:
            lines.add(row.values[_BASIS])
    return lines


def _mac(vault: Vault, key_id: bytes) -> Mac | None:
    try:
        vault.audit_mac(key_id, b"")
    except KeysError:
        return None
    return partial(vault.audit_mac, key_id)


def _computed(before: bytes, row: Stored, mac: Mac) -> bytes:
    return mac_of_values(before, row.chain_id, row.seq, row.values, mac=mac)


class _Checker:
    """The pass over all rows."""

    def __init__(self, vault: Vault, required: Mapping[str, Mapping[int, bytes]]) -> None:
        self._vault = vault
        self._required = required
        self.entries = 0
        self.chains = 0

    def check(self, found: Iterable[Stored]) -> Iterator[Finding]:
        """Yield what is wrong, chain by chain; adjoining findings are not yet joined."""
        seen = set()
        for chain_id, stored in groupby(found, key=lambda row: row.chain_id):
            self.chains += 1
            seen.add(chain_id)
            key_id = key_id_of(chain_id)
            mac = _mac(self._vault, key_id) if key_id else None
            if mac is None:
                self.entries += sum(1 for _ in stored)
                yield Finding(FindingKind.UNKNOWN_KEY, f"{chain_id}"[:80])
            else:
                yield from self._chain(chain_id, stored, mac)
        for chain_id in sorted(self._required.keys() - seen):
            yield Finding(FindingKind.CHAIN_GONE, chain_id)

    def _chain(self, chain_id: str, stored: Iterable[Stored], mac: Mac) -> Iterator[Finding]:
        """Walk one chain.

        A row that does not follow is put by until a later one does: that one vouches for the mac
        before it, so the rows put by were altered in place. At the end nobody does, unless
        somebody trusted saw that very mac.
        """
        required = self._required.get(chain_id, {})
        prior: bytes | None = None
        before: bytes | None = FIRST
        seq = 0
        doubtful: list[tuple[int, bool]] = []
        for row in stored:
            self.entries += 1
            if type(row.seq) is not int or not isinstance(row.mac, bytes):
                yield Finding(FindingKind.APPENDED, chain_id, *_numbers(row.seq))
                continue
            if row.seq <= seq:
                yield Finding(FindingKind.APPENDED, chain_id, row.seq, row.seq)
                if doubtful and prior is not None and _computed(prior, row, mac) == row.mac:
                    # The one that came first under this number was the one put in.
                    yield from _settled(chain_id, doubtful[:-1], vouched=True)
                    before, doubtful = row.mac, []
                continue
            if row.seq > seq + 1:
                yield from _settled(chain_id, doubtful, vouched=False)
                yield Finding(FindingKind.MISSING, chain_id, seq + 1, row.seq - 1)
                before, doubtful = None, []
            if before is not None and _computed(before, row, mac) != row.mac:
                doubtful.append((row.seq, required.get(row.seq) == row.mac))
            elif doubtful:
                yield from _settled(chain_id, doubtful, vouched=True)
                doubtful = []
            if row.seq in required and required[row.seq] != row.mac:
                yield Finding(FindingKind.REWRITTEN, chain_id, row.seq, row.seq)
            prior, before, seq = before, row.mac, row.seq
        yield from _settled(chain_id, doubtful, vouched=False)
        if required and max(required) > seq:
            yield Finding(FindingKind.CUT, chain_id, seq + 1, max(required))


def _settled(
    chain_id: str, doubtful: Iterable[tuple[int, bool]], *, vouched: bool
) -> Iterator[Finding]:
    """Say what became of rows that do not follow: altered in place, or not of this chain."""
    altered = vouched
    found = []
    for seq, is_known in reversed(list(doubtful)):
        altered = altered or is_known
        kind = FindingKind.ALTERED if altered else FindingKind.APPENDED
        found.append(Finding(kind, chain_id, seq, seq))
    yield from reversed(found)


def _numbers(seq: Any) -> tuple[int, int]:
    return (seq, seq) if type(seq) is int else (0, 0)


def _joined(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Make one finding of adjoining ones of the same kind."""
    waiting: Finding | None = None
    for finding in findings:
        if (
            waiting is not None
            and (finding.kind, finding.where) == (waiting.kind, waiting.where)
            and finding.first == waiting.last + 1
        ):
            waiting = replace(waiting, last=finding.last)
            continue
        if waiting is not None:
            yield waiting
        waiting = finding
    if waiting is not None:
        yield waiting
