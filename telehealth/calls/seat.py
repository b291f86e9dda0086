"""A seat in a room: the numbering of one page, what is kept for it, and how much it may say.

Pure. What the server says to a page is numbered from 1 and kept within two bounds; a page that
comes back asks for what follows the last number it saw. When that is no longer kept, it starts
anew instead of resuming (docs/calls.md, "A lost socket").
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from protocols import signalling as wire
from telehealth.calls.states import Party

KEPT_MESSAGES: Final = 256
KEPT_CHARS: Final = 512 * 1024
"""Bounds of what is kept for one page; beyond them it starts anew instead of resuming."""
BURST: Final = 2 * KEPT_MESSAGES
PER_SECOND: Final = 20.0
"""A page may say so much at once (a whole replay), and so much for long."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may enter."""

    account_id: str
    party: Party
    name: str


@dataclass(slots=True)
class Seat:
    """One party's place: the page that holds it, its numbering, and what is kept for it."""

    member: Member
    """Who holds it now; of a household the last who came."""
    client: str | None = None
    connection: int | None = None
    lost_at_s: float | None = None
    ready: bool = False
    gone: bool = False
    """The others were told that it left; set until it is announced again."""
    microphone: bool = True
    camera: bool = True
    received: int = 0
    given: int = 0
    kept: deque[wire.Numbered] = field(default_factory=deque)
    kept_chars: int = 0
    budget: float = BURST
    budget_at_s: float = 0.0

    @property
    def present(self) -> bool:
        """Whether the others know of this page, or may."""
        return self.ready and not self.gone

    def holds(self, member: Member, client: str) -> bool:
        """Whether it is this page that sits here."""
        return self.client == client and self.member.account_id == member.account_id

    def restart(self, member: Member, client: str) -> None:
        """Number anew, for a new page or for one that missed more than was kept."""
        self.member, self.client, self.ready, self.gone = member, client, False, False
        self.received = self.given = self.kept_chars = 0
        self.kept.clear()

    def keep(self, message: wire.Numbered) -> None:
        """Keep a numbered message, and let the oldest go where a bound is passed."""
        self.kept.append(message)
        self.kept_chars += _chars(message)
        while len(self.kept) > KEPT_MESSAGES or self.kept_chars > KEPT_CHARS:
            self.kept_chars -= _chars(self.kept.popleft())

    def can_resume(self, last_seq: int) -> bool:
        """Whether everything after `last_seq` is still kept."""
        return self.given - len(self.kept) <= last_seq <= self.given

    def spend(self, at_s: float) -> bool:
        """Take one message off the budget; False when it is used up."""
        grown = self.budget + max(0.0, at_s - self.budget_at_s) * PER_SECOND
        self.budget, self.budget_at_s = min(BURST, grown), at_s
        if self.budget < 1:
            return False
        self.budget -= 1
        return True

    def as_peer(self) -> wire.Peer:
        """Return what the others are told of this page."""
        return wire.Peer(
            peer=self.member.account_id,
            client=self.client or "",
            role="doctor" if self.member.party is Party.DOCTOR else "patient",
            name=self.member.name,
            microphone=self.microphone,
            camera=self.camera,
        )


def _chars(message: wire.Numbered) -> int:
    match message:
        case wire.Offer() | wire.Answer():
            return len(message.sdp) + 64
        case wire.IceCandidate():
            return len(message.candidate) + 128
        case _:
            return 128
