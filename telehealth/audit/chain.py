"""The chain: each entry carries a keyed hash over itself and over the hash before it. Pure.

Theory of operation. Every process starts a chain of its own, so nobody waits for a shared last row.
The mac of an entry is HMAC-SHA-256 (FIPS 198-1) over the version, the chain's id, the entry's
number, the mac before it and the twelve fields, as one MessagePack array. So an entry cannot be
altered, moved to another place or chain, left out, or put in without the key, which is not in the
database. What a chain cannot show by itself is that its end was cut off, or that all of it is gone:
for that the first entry of each chain names the ends of the chains it found, and checkpoints stand
outside the database (`telehealth/audit/checkpoints.py`).
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final

import msgspec

VERSION: Final = 1
FIRST: Final = b""
"""What stands before the first entry."""
MAX_TEXT_CHARS: Final = 400
"""Of one field of an entry that came from outside."""
Mac = Callable[[bytes], bytes]
"""HMAC-SHA-256 under the chain's key."""

_CHAIN: Final = re.compile(r"ch-([0-9a-f]{8})-[0-9a-f]{16}")
_HEAD: Final = re.compile(r"(ch-[0-9a-f]{8}-[0-9a-f]{16}):([0-9]{1,18}):([0-9a-f]{64})")
_encode: Final = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who did what, to whom, when, why and from where; ids only, never a name or a value."""

    at_ms: int = 0
    """0: when the log takes it."""
    action: str
    """An `AuditAction`."""
    decision: str = "allow"
    """allow, deny or break_glass."""
    actor_id: str
    """Account, gateway, or the user of a command."""
    role: str = ""
    grant_id: str = ""
    person_id: str = ""
    target: str = ""
    purpose: str = ""
    basis: str = ""
    address: str = ""
    session: str = ""


FIELDS: Final = tuple(field.name for field in dataclasses.fields(Entry))
values_of: Final[Callable[[Entry], tuple[Any, ...]]] = attrgetter(*FIELDS)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: after this many entries, with this mac."""

    chain_id: str
    seq: int
    mac: bytes

    def __str__(self) -> str:
        """Return it as entries and paper carry it."""
        return f"{self.chain_id}:{self.seq}:{self.mac.hex()}"


def chain_id_of(key_id: bytes, chance: bytes) -> str:
    """Return a new chain's id: the id of the audit key that binds it (4 bytes), then 8 random."""
    return f"ch-{key_id.hex()}-{chance.hex()}"


def key_id_of(chain_id: object) -> bytes | None:
    """Return the id of the key that binds a chain; None: nobody gave out such a chain id."""
    found = _CHAIN.fullmatch(chain_id) if isinstance(chain_id, str) else None
    return bytes.fromhex(found[1]) if found else None


def mac_of_values(
    before: bytes, chain_id: str, seq: int, values: Sequence[Any], *, mac: Mac
) -> bytes:
    """Return the mac of an entry given as its fields' values, in the order of `FIELDS`."""
    return mac(_encode((VERSION, chain_id, seq, before, *values)))


def mac_of(before: bytes, chain_id: str, seq: int, entry: Entry, *, mac: Mac) -> bytes:
    """Return the mac of the entry with number `seq`, which follows the mac `before`."""
    return mac_of_values(before, chain_id, seq, values_of(entry), mac=mac)


def storable(entry: Entry, at_ms: int) -> Entry:
    """Return the entry with its time, and with texts that both engines take as they are.

    What a stranger sent may stand in an entry: NUL and lone surrogates are replaced, the end of a
    long text is left out. An entry that could not be stored would hold up all others.
    """
    texts = {name: _text(getattr(entry, name)) for name in FIELDS if name != "at_ms"}
    if entry.action == "log_opened":
        texts["target"] = entry.target
    return replace(entry, at_ms=entry.at_ms or at_ms, **texts)


def _text(given: str) -> str:
    kept = given[:MAX_TEXT_CHARS].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return kept.encode(errors="replace").decode()


def heads_text(heads: Iterable[Head]) -> str:
    """Return heads as the target of a chain's first entry names them."""
    return " ".join(sorted(str(head) for head in heads))


def heads_in(text: str) -> list[Head]:
    """Return the heads that a target names; what is none is left out."""
    found = (_HEAD.fullmatch(word) for word in text.split(" "))
    return [Head(f[1], int(f[2]), bytes.fromhex(f[3])) for f in found if f]
