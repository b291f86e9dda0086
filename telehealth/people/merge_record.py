"""What a merge moves, and how it is written down so that undoing puts exactly that back. Pure.

Whoever adds a column that refers to a person gives it a line in `LINKS` or in `LEFT`: a test reads
the tables and misses it otherwise.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec


@dataclass(frozen=True, slots=True)
class Link:
    """A column that says whose a row is."""

    table: str
    key: str
    column: str

    @property
    def name(self) -> str:
        """What it is called in the record."""
        return f"{self.table}.{self.column}"


LINKS: Final = (
    Link("person_identifier", "identifier_id", "person_id"),
    Link("household_member", "membership_id", "person_id"),
    Link("person_proxy", "proxy_id", "person_id"),
    Link("person_proxy", "proxy_id", "proxy_person_id"),
    Link("consent", "consent_id", "person_id"),
    Link("consent", "consent_id", "guardian_person_id"),
    Link("subject_request", "request_id", "person_id"),
    Link("export", "export_id", "person_id"),
    Link("account", "account_id", "person_id"),
    Link("entry_code", "code_hash", "person_id"),
    Link("f0_case", "case_id", "person_id"),
    Link("device_loan", "loan_id", "person_id"),
    Link("alert", "alert_id", "person_id"),
    Link("alert", "alert_id", "subject_id"),
    Link("call", "room_id", "person_id"),
    Link("measure_request", "request_id", "person_id"),
    Link("person_limit", "limit_id", "person_id"),
    Link("gateway_command", "command_id", "person_id"),
    Link("phone_shown", "shown_id", "person_id"),
)
LEFT: Final[Mapping[str, str]] = {
    "reading.person_id": "moved as ranges of ids",
    "person_token.person_id": "taken away, and made anew",
    "person_state.person_id": "computed anew",
    "person.merged_into": "is the merge",
    "person_pair.person_a": "shown as the record that stands for it",
    "person_pair.person_b": "shown as the record that stands for it",
    "person_merge.merged_person_id": "history",
    "person_merge.into_person_id": "history",
    "break_glass.person_id": "history: access was taken to that record",
    "reading_attribution.before": "history",
    "reading_attribution.after": "history",
    "audit.person_id": "history: nothing changes the log",
}
"""Columns that a merge leaves, and why."""

Key = Any
"""A row's key: text, or bytes; MessagePack tells them apart."""


class Change(msgspec.Struct, frozen=True):
    """Other columns of a row that the merge changed: as they were, and as it left them."""

    table: str
    key: str
    row: Key
    before: dict[str, Any]
    after: dict[str, Any]


class State(msgspec.Struct, frozen=True):
    """A person's score state before the merge, and the blob after it."""

    before: tuple[bytes, int | None, int | None] | None
    """state, level, last_reading_ms; None: there was no row."""
    after: bytes
    timers: list[tuple[str, int, bytes]] = []
    """kind, due_ms, payload, before the merge."""


class MergeRecord(msgspec.Struct, frozen=True):
    """Everything that a merge did."""

    links: dict[str, list[Key]]
    readings: list[int]
    """Ids as `pack_ids` writes them."""
    changes: list[Change]
    states: dict[str, State]
    alert_timers: list[tuple[str, str, int, bytes]]
    """kind, alert, due_ms, payload of the clocks that were stopped."""


_decoder: Final = msgspec.msgpack.Decoder(MergeRecord)


def encode(record: MergeRecord) -> bytes:
    """Return the record as it is stored."""
    return msgspec.msgpack.encode(record)


def decode(blob: bytes) -> MergeRecord:
    """Read a stored record; only ever one of our own."""
    return _decoder.decode(blob)


def pack_ids(ids: Iterable[int]) -> list[int]:
    """Return ids as runs: the distance from the end of the run before, and the length, in turn."""
    packed: list[int] = []
    end = 0
    for number in sorted(ids):
        if packed and number == end:
            packed[-1] += 1
        else:
            packed += [number - end, 1]
        end = number + 1
    return packed


def unpack_ids(packed: list[int]) -> Iterator[int]:
    """Yield the ids of `pack_ids` in order."""
    end = 0
    for gap, length in zip(packed[::2], packed[1::2], strict=True):
        yield from range(end + gap, end + gap + length)
        end += gap + length
