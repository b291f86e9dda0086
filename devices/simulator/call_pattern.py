"""What a virtual person shows and says in a call: a moving test pattern with a counter, and a tone.

Importing this module is slow, because aiortc and av are: import it late.
"""

import asyncio
import math
import struct
from fractions import Fraction
from typing import Final

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, VideoFrame

WIDTH: Final = 320
HEIGHT: Final = 240
FRAMES_PER_S: Final = 15
SAMPLES_PER_S: Final = 48_000
_SAMPLES: Final = SAMPLES_PER_S // 50
"""20 ms, what one Opus packet holds."""
_TONE_HZ: Final = 440
_VIDEO_CLOCK: Final = 90_000

_SEGMENTS: Final = {
    "a": (0, 0, 4, 1), "b": (3, 0, 1, 4), "c": (3, 3, 1, 4), "d": (0, 6, 4, 1),
    "e": (0, 3, 1, 4), "f": (0, 0, 1, 4), "g": (0, 3, 4, 1),
}  # fmt: skip
"""Column, row, columns and rows of each segment of a digit in a 4 by 7 grid."""
_DIGITS: Final = (
    "abcdef",
    "bc",
    "abged",
    "abgcd",
    "fgbc",
    "afgcd",
    "afgedc",
    "abc",
    "abcdefg",
    "abcdfg",
)
_CELL: Final = 8


class _Paced(MediaStreamTrack):
    """Gives frame after frame at an even pace; late frames are not skipped, only their wait."""

    def __init__(self, per_s: int) -> None:
        super().__init__()
        self._per_s = per_s
        self._count = -1
        self._start_s = 0.0

    async def _next(self) -> int:
        if self.readyState != "live":
            raise MediaStreamError
        now_s = asyncio.get_running_loop().time()
        self._count += 1
        if self._count == 0:
            self._start_s = now_s
        await asyncio.sleep(max(0.0, self._start_s + self._count / self._per_s - now_s))
        return self._count


class PatternTrack(_Paced):
    """A bar that wanders over a gradient, and the number of the frame."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__(FRAMES_PER_S)
        self._row = bytes(60 + 120 * x // WIDTH for x in range(WIDTH))
        self._colours = (bytes([110]), bytes([150]))

    async def recv(self) -> VideoFrame:
        number = await self._next()
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        luma, *chroma = frame.planes
        luma.update(_padded(self._picture(number), luma.line_size, WIDTH))
        for plane, colour in zip(chroma, self._colours, strict=True):
            plane.update(colour * plane.buffer_size)
        frame.pts = number * (_VIDEO_CLOCK // FRAMES_PER_S)
        frame.time_base = Fraction(1, _VIDEO_CLOCK)
        return frame

    def _picture(self, number: int) -> bytearray:
        picture = bytearray(self._row * HEIGHT)
        bar = (number * 5) % (WIDTH - 16)
        for y in range(HEIGHT):
            picture[y * WIDTH + bar : y * WIDTH + bar + 16] = b"\x10" * 16
        for place, digit in enumerate(f"{number % 100_000:05d}"):
            _draw(picture, int(digit), left=40 + place * 6 * _CELL, top=90)
        return picture


class ToneTrack(_Paced):
    """A quiet 440 Hz tone."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__(SAMPLES_PER_S // _SAMPLES)

    async def recv(self) -> AudioFrame:
        first = await self._next() * _SAMPLES
        turn = 2 * math.pi * _TONE_HZ / SAMPLES_PER_S
        values = [int(2_000 * math.sin(turn * (first + i))) for i in range(_SAMPLES)]
        frame = AudioFrame(format="s16", layout="mono", samples=_SAMPLES)
        frame.planes[0].update(struct.pack(f"<{_SAMPLES}h", *values))
        frame.pts = first
        frame.sample_rate = SAMPLES_PER_S
        frame.time_base = Fraction(1, SAMPLES_PER_S)
        return frame


def _draw(picture: bytearray, digit: int, *, left: int, top: int) -> None:
    for segment in _DIGITS[digit]:
        column, row, columns, rows = _SEGMENTS[segment]
        for y in range(top + row * _CELL, top + (row + rows) * _CELL):
            start = y * WIDTH + left + column * _CELL
            picture[start : start + columns * _CELL] = b"\xeb" * (columns * _CELL)


def _padded(picture: bytearray, line_size: int, width: int) -> bytes:
    """Widen each line to what the codec's planes hold."""
    if line_size == width:
        return bytes(picture)
    gap = bytes(line_size - width)
    lines = (picture[y * width : (y + 1) * width] + gap for y in range(len(picture) // width))
    return b"".join(lines)
