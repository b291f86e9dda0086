"""The room of one call: who may enter, what reaches whom, and what a lost socket may not lose.

Pure. Theory of operation. A room has a seat for the doctor and one for the person. A page of a
member takes the seat with `join`; another page takes it over (a reload, a second tab, another one
of the household: two people are in a call, a third comes with a media server). What the server
says to a page is numbered and kept, a bounded amount of it, so that the same page coming back on
a new socket is given what it missed; what the page says is numbered too, and what came already is
not taken twice. A page is *present* after `ready`. Present pages hear of each other once the call
is accepted, and from then on descriptions and candidates pass between them.

A seat whose socket is lost stays present for `GRACE_S`: media go on without signalling. Only then
the others are told, and the call is interrupted. Time is an argument: monotonic seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from protocols import signalling as wire
from telehealth.calls.seat import PER_SECOND, Member, Seat
from telehealth.calls.states import ENDED, WITH_MEDIA, Action, CallState, Party, ending, move
from telehealth.errors import NotAllowedError

GRACE_S: Final = 30.0
"""So long a lost socket may be away before the others are told."""

NumberedT = TypeVar("NumberedT", bound=wire.Numbered)


class NotInRoomError(NotAllowedError):
    """This account is no member of this call."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A page said something on a connection."""

    account_id: str
    connection: int
    message: wire.FromBrowser
    at_s: float


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection is gone, for whatever reason."""

    connection: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Moved:
    """The call moved elsewhere: it was answered, declined, or rang out."""

    state: CallState
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Send:
    """Give this message to a connection."""

    connection: int
    message: wire.FromServer


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection, after what was sent to it."""

    connection: int


@dataclass(frozen=True, slots=True)
class Record:
    """Write down that the call moved."""

    action: Action
    party: Party
    by: str | None


Event = Heard | Lost | Moved | Tick
Effect = Send | Close | Record


class Room:
    """One call's room; `receive` takes what happened and returns what is to be done."""

    def __init__(
        self,
        members: Sequence[Member],
        state: CallState,
        ice_servers: Sequence[wire.IceServer] = (),
    ) -> None:
        self.state = state
        self._members: dict[str, Member] = {}
        self._seats: dict[Party, Seat] = {}
        for member in members:
            self.admit(member)
        self._ice_servers = list(ice_servers)

    def admit(self, member: Member) -> None:
        """Let somebody enter; idempotent."""
        self._members[member.account_id] = member
        self._seats.setdefault(member.party, Seat(member))

    @property
    def empty(self) -> bool:
        """Whether no page is here, nor one that may still come back to what is kept for it."""
        return all(s.connection is None and s.lost_at_s is None for s in self._seats.values())

    def interrupt(self) -> list[Effect]:
        """A call in session whose server is new: nobody is in the room yet."""
        return self._move(Action.INTERRUPT, Party.ENGINE, None)

    def receive(self, event: Event) -> list[Effect]:
        """Take one event and return its effects, in order.

        Raises:
            NotInRoomError: a message of an account that is no member.
        """
        match event:
            case Heard():
                return self._heard(event)
            case Lost():
                return self._lost(event)
            case Moved():
                return self._moved(event)
            case Tick():
                return self._tick(event.at_s)

    def _heard(self, event: Heard) -> list[Effect]:
        member = self._members.get(event.account_id)
        if member is None:
            raise NotInRoomError("not a member of this call")
        seat, here = self._seats[member.party], event.connection
        if not seat.spend(event.at_s):
            return self._refuse(
                here, "too_fast", f"more than {PER_SECOND:.0f} a second", fatal=True
            )
        if isinstance(event.message, wire.Join):
            return self._join(seat, member, here, event.message)
        if seat.connection != here:
            return self._refuse(here, "not_joined", "join first", fatal=True)
        return self._said(seat, here, event.message)

    def _said(self, seat: Seat, here: int, message: wire.Said) -> list[Effect]:
        if message.seq <= seat.received:
            return []
        if message.seq > seat.received + 1:
            expected = f"expected {seat.received + 1}, got {message.seq}"
            return self._refuse(here, "out_of_turn", expected, fatal=True)
        seat.received = message.seq
        match message:
            case wire.Ready():
                return self._ready(seat, message)
            case wire.HangUp():
                return self._hang_up(seat)
            case _ if not seat.present:
                return self._refuse(here, "not_ready", f"{message.__struct_config__.tag} too early")
            case wire.Media():
                seat.microphone, seat.camera = message.microphone, message.camera
        return self._relay(seat, message)

    def _join(self, seat: Seat, member: Member, here: int, join: wire.Join) -> list[Effect]:
        if self.state in ENDED:
            return self._refuse(here, "ended", f"the call is {self.state}", fatal=True)
        effects: list[Effect] = []
        if seat.connection is not None and seat.connection != here:
            effects += self._refuse(seat.connection, "replaced", "taken over", fatal=True)
            seat.connection = None
        same = seat.holds(member, join.client)
        if not same:
            effects += self._leave(seat, "left")
        seat.connection, seat.lost_at_s = here, None
        if not same or not seat.can_resume(join.last_seq):
            seat.restart(member, join.client)
            return [*effects, Send(here, self._joined(seat, resumed=False))]
        effects.append(Send(here, self._joined(seat, resumed=True)))
        effects += [Send(here, kept) for kept in seat.kept if kept.seq > join.last_seq]
        if seat.ready and seat.gone:
            seat.gone = False
            effects += self._announce(seat)
        return effects

    def _joined(self, seat: Seat, *, resumed: bool) -> wire.Joined:
        own = seat.as_peer()
        return wire.Joined(
            peer=own.peer,
            role=own.role,
            polite=seat.member.party is not Party.DOCTOR,
            state=self.state.value,
            resumed=resumed,
            received=seat.received,
            seq=seat.given,
            peers=[other.as_peer() for other in self._others(seat)] if seat.present else [],
            ice_servers=self._ice_servers,
        )

    def _ready(self, seat: Seat, message: wire.Ready) -> list[Effect]:
        seat.microphone, seat.camera = message.microphone, message.camera
        if seat.ready:
            return []
        seat.ready, seat.gone = True, False
        return self._announce(seat)

    def _announce(self, seat: Seat) -> list[Effect]:
        """Tell a page and the others present of each other, if the call has come so far."""
        effects: list[Effect] = []
        for other in self._others(seat):
            effects += self._tell(other, wire.PeerJoined(1, seat.as_peer()))
            effects += self._tell(seat, wire.PeerJoined(1, other.as_peer()))
        if effects and self.state in (CallState.ACCEPTED, CallState.INTERRUPTED):
            effects += self._move(Action.CONNECT, Party.ENGINE, None)
        return effects

    def _relay(self, seat: Seat, message: wire.Relayed) -> list[Effect]:
        said = msgspec.structs.replace(message, peer=seat.member.account_id)
        return [effect for other in self._others(seat) for effect in self._tell(other, said)]

    def _hang_up(self, seat: Seat) -> list[Effect]:
        party, by = seat.member.party, seat.member.account_id
        return self._move(ending(self.state, party), party, by)

    def _lost(self, event: Lost) -> list[Effect]:
        for seat in self._seats.values():
            if seat.connection == event.connection:
                seat.connection, seat.lost_at_s = None, event.at_s
        return []

    def _tick(self, at_s: float) -> list[Effect]:
        effects: list[Effect] = []
        for seat in self._seats.values():
            if seat.lost_at_s is not None and at_s - seat.lost_at_s >= GRACE_S:
                seat.lost_at_s = None
                effects += self._leave(seat, "lost")
        return effects

    def _leave(self, seat: Seat, reason: wire.LeftReason) -> list[Effect]:
        if not seat.present:
            return []
        seat.gone = True
        left = wire.PeerLeft(1, seat.member.account_id, reason)
        effects = [effect for other in self._others(seat) for effect in self._tell(other, left)]
        if self.state is CallState.IN_SESSION:
            effects += self._move(Action.INTERRUPT, Party.ENGINE, None)
        return effects

    def _moved(self, event: Moved) -> list[Effect]:
        """Follow what the book of calls says; whether it is in session, the room knows itself."""
        over = event.state in ENDED
        if event.state is self.state or self.state in ENDED:
            return []
        if not over and (self.state in WITH_MEDIA or event.state is CallState.REQUESTED):
            return []
        before, self.state = self.state, event.state
        effects = self._tell_state(event.by)
        if before not in WITH_MEDIA and self.state in WITH_MEDIA:
            present = [seat for seat in self._seats.values() if seat.present]
            for seat in present[1:]:
                effects += self._announce(seat)
        return effects

    def _move(self, action: Action, party: Party, by: str | None) -> list[Effect]:
        self.state = move(self.state, action, party)
        return [*self._tell_state(by), Record(action, party, by)]

    def _tell_state(self, by: str | None) -> list[Effect]:
        over = self.state in ENDED
        news: wire.Ended | wire.State = wire.State(1, self.state.value)
        if over:
            news = wire.Ended(1, self.state.value, by)
        effects: list[Effect] = []
        for seat in self._seats.values():
            effects += self._tell(seat, news)
            if over and seat.connection is not None:
                effects.append(Close(seat.connection))
                seat.connection = None
            if over:
                seat.lost_at_s = None
        return effects

    def _tell(self, seat: Seat, message: NumberedT) -> list[Effect]:
        """Number a message for a page and keep it; send it if the page is connected now."""
        if seat.client is None:
            return []
        seat.given += 1
        numbered = msgspec.structs.replace(message, seq=seat.given)
        seat.keep(numbered)
        return [] if seat.connection is None else [Send(seat.connection, numbered)]

    def _others(self, seat: Seat) -> list[Seat]:
        """Return the present pages that this one may know of."""
        if self.state not in WITH_MEDIA:
            return []
        return [other for other in self._seats.values() if other is not seat and other.present]

    def _refuse(
        self, connection: int, code: wire.FailureCode, message: str, *, fatal: bool = False
    ) -> list[Effect]:
        failure: list[Effect] = [Send(connection, wire.Failure(code, message, fatal))]
        return [*failure, Close(connection)] if fatal else failure
