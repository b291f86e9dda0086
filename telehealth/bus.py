"""In-process bus: tells screens and calls that something changed.

It may lose; screens repair themselves from a database cursor (docs/architecture.md, "Screens").
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
Listener = Callable[[str, Message], None]


class Bus:
    """Publish and subscribe by topic: `person:ID`, `device:ID`, `account:ID`, `room:ID`."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener(topic, message)` for each message; returns what ends it."""
        self._listeners[topic].add(listener)

        def end() -> None:
            self._listeners[topic].discard(listener)
            if not self._listeners[topic]:
                del self._listeners[topic]

        return end

    def wanted(self, topic: str) -> bool:
        """Whether anybody listens: spares the work of making a message for nobody."""
        return topic in self._listeners

    def publish(self, topic: str, message: Message) -> None:
        """Hand the message to each listener, soon, on the event loop."""
        if topic in self._listeners:
            loop = asyncio.get_running_loop()
            for listener in tuple(self._listeners[topic]):
                loop.call_soon(listener, topic, message)
