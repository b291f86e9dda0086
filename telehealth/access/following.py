"""What a socket hears of its session: that it is over, or that it goes on under a new token."""

from collections.abc import Callable
from typing import Any, Final

from telehealth.access.sessions import session_topic
from telehealth.bus import Bus, Message

_RENEWED: Final = "renewed"


def renewal(session_hash: bytes) -> Message:
    """Return what the old topic of a session is told when it got a new token."""
    return {"kind": _RENEWED, "session": session_hash.hex()}


def renewed_as(message: dict[str, Any]) -> bytes | None:
    """Return the session's new hash, if it only got a new token; None: it is over."""
    return bytes.fromhex(message["session"]) if message.get("kind") == _RENEWED else None


def until_over(bus: Bus, session_hash: bytes, over: Callable[[], None]) -> Callable[[], None]:
    """Call `over` when the session ends, however often it gets a new token; returns what stops."""
    following = _Following(bus, over)
    following.listen(session_hash)
    return following.stop


class _Following:
    """One socket's ear on its session."""

    def __init__(self, bus: Bus, over: Callable[[], None]) -> None:
        self._bus = bus
        self._over = over
        self._end: Callable[[], None] | None = None

    def listen(self, session_hash: bytes) -> None:
        self._end = self._bus.subscribe(session_topic(session_hash), self._heard)

    def stop(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None

    def _heard(self, _topic: str, message: Message) -> None:
        if self._end is None:
            return
        renewed = renewed_as(message)
        if renewed is None:
            self._over()
            return
        self.stop()
        self.listen(renewed)
