"""Cuts what a device sends into frames and finds its feet again after garbage. Pure.

Theory of operation. Notifications are pieces of one stream of bytes: a frame may be split over
several and several may be glued into one, so what is said must not depend on where the radio cut.
A family says of the bytes at hand whether they begin with a frame (`cut` returns its length), with
the beginning of one (0), or with something else, and how many bytes of it to pass over (negative).
What was passed over is `Garbage`, gathered until a frame follows or `MOST_GARBAGE` is reached.
"""

from abc import ABC, abstractmethod
from typing import Final

from protocols.errors import DecodeError
from protocols.oximeters.said import Garbage, Said

MOST_GARBAGE: Final = 64
"""Bytes of one `Garbage`; more begin another."""


class StreamParser(ABC):
    """One connection's stream of one family."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._passed_over = bytearray()
        self._said: list[Said] = []

    @abstractmethod
    def cut(self, data: bytes) -> int:
        """Return the length of the frame that `data` begins with; see the module."""

    @abstractmethod
    def decode(self, frame: bytes) -> list[Said]:
        """Return what one frame says, nothing for one that is of no use; raises `DecodeError`."""

    def receive_data(self, data: bytes) -> None:
        """Take what came, however it was cut."""
        self._buffer += data
        while self._buffer:
            length = self.cut(bytes(self._buffer))
            if length == 0:
                return
            piece = bytes(self._buffer[: abs(length)])
            del self._buffer[: abs(length)]
            if length < 0:
                self._pass_over(piece)
                continue
            self._let_go("not a frame")
            try:
                self._said += self.decode(piece)
            except DecodeError as error:
                self._said.append(Garbage(raw=piece, reason=str(error)))

    def events(self) -> list[Said]:
        """Return what was said since the last call."""
        said, self._said = self._said, []
        return said

    def finish(self) -> list[Said]:
        """Return what was said and what is left over: the link is gone."""
        self._let_go("not a frame")
        if self._buffer:
            self._said.append(Garbage(raw=bytes(self._buffer), reason="the rest of a frame"))
            self._buffer.clear()
        return self.events()

    def _pass_over(self, piece: bytes) -> None:
        for octet in piece:
            self._passed_over.append(octet)
            if len(self._passed_over) == MOST_GARBAGE:
                self._let_go("not a frame")

    def _let_go(self, reason: str) -> None:
        if self._passed_over:
            self._said.append(Garbage(raw=bytes(self._passed_over), reason=reason))
            self._passed_over.clear()
