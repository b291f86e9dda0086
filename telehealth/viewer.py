"""One open page: what it still has to be sent, and when. No I/O.

A viewer keeps only the newest bytes a person until its socket can take another frame, so a slow
line gets fewer frames, never older ones. Bytes go in encoded; `take` joins them into frames.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from telehealth.access.policy import Role
from telehealth.access.sessions import SignedIn

FRAME_EVERY_S: Final = 0.5
BEAT_S: Final = 4.0
"""A page that hears nothing for two beats says that the connection is lost."""
NOTICES_KEPT: Final = 32
SAMPLES_KEPT: Final = 5


@dataclass(slots=True, eq=False)
class Viewer:
    """One open page: whom it watches, and what it has not been sent yet."""

    signed_in: SignedIn
    wake: Callable[[], None]
    address: str = ""
    """Where the page is, for the audit log."""
    persons: frozenset[str] = frozenset()
    noted: frozenset[str] = frozenset()
    """Those of whom the audit log says already that this page shows them."""
    detail: str | None = None
    """The one person whose readings are sent too."""
    cursor: int = 0
    close_code: int | None = None
    _rows: dict[str, bytes] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _whole: bool = False
    _readings: list[bytes] = field(default_factory=list)
    _alerts: bytes | None = None
    _desk: bytes | None = None
    _samples: dict[str, deque[bytes]] = field(default_factory=dict)
    _notices: deque[bytes] = field(default_factory=lambda: deque(maxlen=NOTICES_KEPT))
    _next_frame_s: float = 0.0
    _next_beat_s: float = 0.0

    @property
    def own(self) -> bool:
        """Whether this is a patient's own page, which is not shown who does what about an alert."""
        return self.signed_in.role is Role.PATIENT

    def start_anew(self) -> None:
        """The next rows are everything the page should show."""
        self._whole = True
        self._rows.clear()
        self._readings.clear()
        self._samples.clear()

    def put_row(self, person_id: str, encoded: bytes) -> None:
        """Keep the newest row of a person."""
        self._rows[person_id] = encoded
        self.wake()

    def put_detail(self, encoded_readings: Iterable[bytes], encoded_alerts: bytes) -> None:
        """Keep new readings of the person in detail, and that person's alerts as they are."""
        self._readings += encoded_readings
        self._alerts = encoded_alerts
        self.wake()

    def put_desk(self, encoded_alerts: bytes) -> None:
        """Keep the alerts that are nobody's yet, as they are."""
        self._desk = encoded_alerts
        self.wake()

    def put_samples(self, person_id: str, encoded: bytes) -> None:
        """Keep the newest few messages of samples of a person."""
        kept = self._samples.setdefault(person_id, deque(maxlen=SAMPLES_KEPT))
        kept.append(encoded)
        self.wake()

    def put_notice(self, encoded: bytes) -> None:
        """Keep a call or a notice; it does not wait for the next frame."""
        self._notices.append(encoded)
        self.wake()

    def close(self, code: int) -> None:
        """End the page's socket; the first reason counts."""
        self.close_code = self.close_code or code
        self.wake()

    def take(self, now_s: float, now_ms: int) -> tuple[list[bytes], float]:
        """Return the frames to send now, and in how many seconds to ask again at the latest."""
        frames = [b'{"type":"notice","message":' + n + b"}" for n in self._notices]
        self._notices.clear()
        if now_s >= self._next_frame_s and self._waiting:
            frames.append(self._frame(now_ms))
            self._next_frame_s = now_s + FRAME_EVERY_S
            self._next_beat_s = now_s + BEAT_S
        elif now_s >= self._next_beat_s:
            frames.append(b'{"type":"beat","now":%d}' % now_ms)
            self._next_beat_s = now_s + BEAT_S
        until = self._next_frame_s if self._waiting else self._next_beat_s
        return frames, max(0.0, until - now_s)

    @property
    def _waiting(self) -> bool:
        return bool(
            self._whole
            or self._rows
            or self._readings
            or self._samples
            or self._alerts is not None
            or self._desk is not None
        )

    def _frame(self, now_ms: int) -> bytes:
        """One frame of everything that waits: bytes joined, nothing encoded again."""
        parts = [b'"type":"changes","now":%d,"cursor":%d' % (now_ms, self.cursor)]
        if self._whole:
            parts.append(b'"whole":true')
        if self._rows or self._whole:
            parts.append(b'"rows":[' + b",".join(self._rows.values()) + b"]")
        if self._readings:
            parts.append(b'"readings":[' + b",".join(self._readings) + b"]")
        if self._alerts is not None:
            parts.append(b'"alerts":' + self._alerts)
        if self._desk is not None:
            parts.append(b'"desk":' + self._desk)
        if self._samples:
            samples = [s for kept in self._samples.values() for s in kept]
            parts.append(b'"samples":[' + b",".join(samples) + b"]")
        self._whole, self._alerts, self._desk = False, None, None
        self._rows.clear()
        self._readings.clear()
        self._samples.clear()
        return b"{" + b",".join(parts) + b"}"
