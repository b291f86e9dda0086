"""What the server asks of gateways: kept until answered or past, given at each connection.

Theory of operation. A command is a row. The gateway's connection is told on the bus that there is
one, and sends all that wait; a gateway that is away gets them when it comes. It answers each once
(`done`), or the command's time passes. A gateway is given only what it said it can do.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from protocols.uplink import Command, CommandKind, Done, GatewayConfig
from telehealth.errors import IllegalTransitionError, NotFoundError
from telehealth.store.database import Reader, Transaction

LIFETIME: Final = {
    "measure": timedelta(minutes=15),
    "locate": timedelta(minutes=10),
    "configure": timedelta(days=30),
    "update_notice": timedelta(days=30),
}
"""How long each kind of wish is worth carrying out."""
TOLD: Final = "command"
"""Kind of the bus message that says that there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A command that is not yet given."""

    kind: CommandKind
    person_id: str | None = None
    device_id: str | None = None
    config: GatewayConfig | None = None
    version: str = ""


def abilities_of(reader: Reader, gateway_id: str) -> frozenset[str]:
    """Return what a gateway in use said it can do.

    Raises:
        NotFoundError: no such gateway, or it was revoked.
    """
    rows = reader.rows(
        "SELECT abilities FROM gateway WHERE gateway_id = ? AND account_id IS NULL"
        " AND revoked_ms IS NULL",
        (gateway_id,),
    )
    if not rows:
        raise NotFoundError(f"no gateway {gateway_id}")
    return frozenset(rows[0][0].split())


def give(tx: Transaction, gateway_id: str, wish: Wish, by: str) -> str:
    """Keep a command for a gateway; the caller then publishes `TOLD` on `gateway_topic`.

    Raises:
        NotFoundError: no such gateway in use.
        IllegalTransitionError: it cannot do this.
    """
    if wish.kind not in abilities_of(tx, gateway_id):
        raise IllegalTransitionError("not_able", wish.kind, f"{gateway_id} cannot do this")
    command = Command(
        f"cm-{secrets.token_hex(8)}",
        wish.kind,
        tx.now_ms + int(LIFETIME[wish.kind].total_seconds() * 1000),
        wish.device_id,
        wish.config,
        wish.version,
    )
    columns = (
        "command_id", "gateway_id", "kind", "person_id", "payload", "given_by", "given_ms",
        "until_ms",
    )  # fmt: skip
    row = (
        command.id, gateway_id, command.kind, wish.person_id, msgspec.json.encode(command), by,
        tx.now_ms, command.until,
    )  # fmt: skip
    tx.insert("gateway_command", columns, [row])
    return command.id


def waiting(reader: Reader, gateway_id: str) -> list[Command]:
    """Return what a gateway is still to do, in the order it was asked."""
    rows = reader.rows(
        "SELECT payload FROM gateway_command WHERE gateway_id = ? AND done_ms IS NULL"
        " AND until_ms > ? ORDER BY given_ms, command_id",
        (gateway_id, reader.now_ms),
    )
    return [msgspec.json.decode(bytes(row[0]), type=Command) for row in rows]


@dataclass(frozen=True, slots=True)
class Answered:
    """A command that a gateway answered for the first time."""

    command_id: str
    kind: str
    person_id: str | None
    outcome: str


def answer(tx: Transaction, gateway_id: str, done: Done) -> Answered | None:
    """Keep a gateway's answer; None: it is no command of this gateway, or answered already."""
    touched = tx.execute(
        "UPDATE gateway_command SET done_ms = ?, outcome = ?, note = ?"
        " WHERE command_id = ? AND gateway_id = ? AND done_ms IS NULL",
        (tx.now_ms, done.outcome, done.note, done.id, gateway_id),
    )
    if touched != 1:
        return None
    kind, person_id = tx.rows(
        "SELECT kind, person_id FROM gateway_command WHERE command_id = ?", (done.id,)
    )[0]
    return Answered(done.id, kind, person_id, done.outcome)


@dataclass(frozen=True, slots=True)
class CommandShown:
    """A command as the administrator's page shows it."""

    kind: str
    given_ms: int
    until_ms: int
    done_ms: int | None
    outcome: str | None

    def state(self, now_ms: int) -> str:
        """Return `waiting`, `past` or the outcome."""
        if self.outcome is not None:
            return self.outcome
        return "waiting" if now_ms < self.until_ms else "past"


def latest(reader: Reader, *, since_ms: int) -> dict[str, list[CommandShown]]:
    """Return each gateway's commands since an instant, the newest first; not a person's."""
    rows = reader.rows(
        "SELECT gateway_id, kind, given_ms, until_ms, done_ms, outcome FROM gateway_command"
        " WHERE given_ms >= ? ORDER BY given_ms DESC, command_id LIMIT 1000",
        (since_ms,),
    )
    found: dict[str, list[CommandShown]] = {}
    for gateway_id, *rest in rows:
        found.setdefault(gateway_id, []).append(CommandShown(*rest))
    return found
