"""The gateway's half of one connection, without the connection: messages in, effects out. Pure.

Theory of operation (docs/uplink.md)::

    state             receives     effects
    CHALLENGE         challenge    sign and say hello with a nonce  -> PROOF
    PROOF             proof        check it, keep what it shows     -> WELCOME
    PROOF             welcome      as in WELCOME, from a server that is known by no identity
    WELCOME           welcome      date this boot, set the line,
                                   rewind or renew each stream      -> STREAMING
    STREAMING         ack          mark as committed, log refusals
    STREAMING         resume       rewind that stream
    STREAMING         command      carry it out, then say done
    any               error        stop, or remember when to retry

A message that is not in the table breaks the protocol: the connection is left and called again.
Where the server's identities are known, nothing that was said before the proof is believed: an
impostor can neither take a reading nor send this gateway away.
What may be sent is a window over both streams: `room` of it is free, and a part of it is never
given to `backlog`, so that the present does not queue behind the past.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from importlib.metadata import version
from typing import Final

from devices.parcels import STREAMS, Frame
from devices.pins import Pins, UnprovenServerError
from protocols.errors import TelehealthError
from protocols.uplink import (
    PROTOCOL,
    Ack,
    Challenge,
    Command,
    Failure,
    FromServer,
    Hello,
    Proof,
    Refusal,
    Resume,
    StreamEpoch,
    StreamName,
    Welcome,
)

REVOKED: Final = "revoked"
"""What no second attempt can heal: a person has to enrol this gateway again."""
NOT_ALLOWED: Final = "not_allowed"
"""May be said for a passing reason too, such as a hello that came too late over a slow network."""
SOFTWARE: Final = f"telehealth-gateway/{version('telehealth-f0')}"


class ProtocolError(TelehealthError):
    """The server said what it may not say now."""


class RevokedError(TelehealthError):
    """The server no longer knows this gateway; it has to be enrolled again."""


@dataclass(frozen=True, slots=True)
class Say:
    """Send this."""

    message: Hello


@dataclass(frozen=True, slots=True)
class Pin:
    """The server proved itself and showed its identities: know it by these from now on."""

    pins: Pins


@dataclass(frozen=True, slots=True)
class ServerTime:
    """The server's clock showed `server_now_ms` when ours showed `monotonic_ms`."""

    server_now_ms: int
    monotonic_ms: int


@dataclass(frozen=True, slots=True)
class Configure:
    """The server's settings."""

    urgent_below_spo2_percent: float
    retry_after_s: float


@dataclass(frozen=True, slots=True)
class Committed:
    """All numbers up to `seq` are in the server's database; some parts were refused."""

    stream: StreamName
    seq: int
    refused: Sequence[Refusal] = ()


@dataclass(frozen=True, slots=True)
class Rewind:
    """The server holds this stream only up to `acked`."""

    stream: StreamName
    acked: int


@dataclass(frozen=True, slots=True)
class RenewEpoch:
    """The server holds numbers that our spool never gave out: begin a new numbering."""

    stream: StreamName


@dataclass(frozen=True, slots=True)
class CarryOut:
    """The server wants something done."""

    command: Command


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused something; `None`: it did not say when to come back."""

    code: str
    message: str
    retry_after_s: float | None


Effect = Say | Pin | ServerTime | Configure | Committed | Rewind | RenewEpoch | CarryOut | Refused


class State(Enum):
    """Where the conversation stands."""

    CHALLENGE = auto()
    PROOF = auto()
    WELCOME = auto()
    STREAMING = auto()


class Session:
    """One conversation with the server."""

    def __init__(
        self,
        gateway_id: str,
        sign: Callable[[str], str],
        *,
        epochs: Mapping[StreamName, str],
        highest: Mapping[StreamName, int],
        clock_synchronised: bool,
        pins: Pins,
        nonce: bytes,
        window: int = 32,
        model: str = "",
        abilities: Sequence[str] = (),
    ) -> None:
        self.state = State.CHALLENGE
        self.sent: dict[StreamName, int] = dict.fromkeys(STREAMS, 0)
        self.acked: dict[StreamName, int] = dict.fromkeys(STREAMS, 0)
        self._gateway_id = gateway_id
        self._sign = sign
        self._epochs = epochs
        self._highest = dict(highest)
        self._clock_synchronised = clock_synchronised
        self._pins = pins
        self._nonce = nonce
        self._challenge = ""
        self._window = window
        self._model = model
        self._abilities = list(abilities)
        self._hello_ms = 0
        self.rewinds = 0
        self._stale_resumes: dict[StreamName, int] = dict.fromkeys(STREAMS, 0)

    @property
    def in_flight(self) -> int:
        """How many numbers are sent and not acknowledged."""
        return sum(self.sent[stream] - self.acked[stream] for stream in STREAMS)

    @property
    def idle(self) -> bool:
        """Whether everything sent is acknowledged; before the welcome it never is."""
        return self.state is State.STREAMING and not self.in_flight

    @property
    def room(self) -> int:
        """How many frames may be sent now; 0 before the welcome."""
        if self.state is not State.STREAMING:
            return 0
        return max(0, self._window - self.in_flight)

    @property
    def backlog_room(self) -> int:
        """How many of these may be of the backlog: a quarter of the window is the present's."""
        return max(0, self.room - self._window // 4)

    def frames_sent(self, frames: Sequence[Frame]) -> None:
        """Note what has gone out; frames come in the order of their numbers."""
        for frame in frames:
            self.sent[frame.stream] = max(self.sent[frame.stream], frame.seq)
            self._highest[frame.stream] = max(self._highest[frame.stream], frame.seq)

    def receive(self, message: FromServer, *, monotonic_ms: int) -> list[Effect]:
        """Take one message and return what follows from it.

        Raises:
            RevokedError: this gateway must not come back.
            UnprovenServerError: the server cannot prove that it is the one we know.
            ProtocolError: the message has no place here, or claims what cannot be.
        """
        match self.state, message:
            case _, Failure():
                return self._failed(message)
            case State.PROOF, Proof():
                return self._proved(message)
            case State.PROOF, Welcome() if not self._pins:
                return self._welcomed(message, monotonic_ms)
            case State.PROOF, Welcome():
                raise UnprovenServerError("the server gave no proof of its identity")
            case State.CHALLENGE, Challenge():
                return self._challenged(message, monotonic_ms)
            case State.WELCOME, Welcome():
                return self._welcomed(message, monotonic_ms)
            case State.STREAMING, Ack():
                return self._committed(message)
            case State.STREAMING, Resume():
                return self._resumed(message)
            case State.STREAMING, Command():
                return [CarryOut(message)]
            case state, _:
                raise ProtocolError(f"server said {type(message).__name__} in {state.name}")

    def _failed(self, failure: Failure) -> list[Effect]:
        if self._pins and self.state in (State.CHALLENGE, State.PROOF):
            raise UnprovenServerError(
                f"refused ({failure.code}) by a server that gave no proof of its identity"
            )
        if failure.code == REVOKED:
            raise RevokedError(
                f"server refuses gateway {self._gateway_id} ({failure.code}): enrol it again"
            )
        return [Refused(failure.code, failure.message, failure.retry_after_s)]

    def _challenged(self, challenge: Challenge, monotonic_ms: int) -> list[Effect]:
        if challenge.protocol != PROTOCOL:
            raise ProtocolError(f"server speaks protocol {challenge.protocol}, not {PROTOCOL}")
        self.state = State.PROOF
        self._hello_ms = monotonic_ms
        self._challenge = challenge.nonce
        hello = Hello(
            gateway=self._gateway_id,
            signature=self._sign(challenge.nonce),
            streams=[StreamEpoch(name, self._epochs[name]) for name in STREAMS],
            software=SOFTWARE,
            clock_synchronised=self._clock_synchronised,
            nonce=base64.b64encode(self._nonce).decode(),
            model=self._model,
            abilities=self._abilities,
        )
        return [Say(hello)]

    def _proved(self, proof: Proof) -> list[Effect]:
        shown = self._pins.check(
            proof, challenge=self._challenge, nonce=self._nonce, gateway_id=self._gateway_id
        )
        self.state = State.WELCOME
        if shown == self._pins:
            return []
        self._pins = shown
        return [Pin(shown)]

    def _welcomed(self, welcome: Welcome, monotonic_ms: int) -> list[Effect]:
        half_way_ms = (self._hello_ms + monotonic_ms) // 2
        effects: list[Effect] = [
            ServerTime(welcome.now, half_way_ms),
            Configure(welcome.urgent_below_spo2_percent, welcome.retry_after_s),
        ]
        renewed: list[Effect] = [
            RenewEpoch(stream)
            for stream in STREAMS
            if welcome.acked.get(stream, 0) > self._highest[stream]
        ]
        if renewed:
            return effects + renewed
        self.state = State.STREAMING
        for stream in STREAMS:
            acked = max(0, welcome.acked.get(stream, 0))
            self.sent[stream] = self.acked[stream] = acked
            effects += [Rewind(stream, acked), Committed(stream, acked)]
        return effects

    def _committed(self, ack: Ack) -> list[Effect]:
        stream = ack.stream
        if ack.seq > self._highest[stream]:
            raise ProtocolError(
                f"server acknowledged {stream} {ack.seq}, the last was {self._highest[stream]}"
            )
        self.acked[stream] = max(self.acked[stream], ack.seq)
        self.sent[stream] = max(self.sent[stream], ack.seq)
        return [Committed(ack.stream, ack.seq, ack.refused)]

    def _resumed(self, resume: Resume) -> list[Effect]:
        """Go back; frames that were under way bring the same answer each, which is passed over."""
        stream = resume.stream
        if resume.acked > self._highest[stream]:
            raise ProtocolError(
                f"server resumes {stream} after {resume.acked}, the last was"
                f" {self._highest[stream]}"
            )
        if resume.acked == self.acked[stream] and self._stale_resumes[stream] > 0:
            self._stale_resumes[stream] -= 1
            return []
        self.rewinds += 1
        self._stale_resumes[stream] = max(0, self.sent[stream] - resume.acked - 1)
        self.sent[stream] = self.acked[stream] = resume.acked
        return [Rewind(stream, resume.acked)]
