"""`telehealth bench gateway`: what a value costs from the radio to the spool, and what is lost.

Three processes: the virtual oximeters (Bumble, behind HCI over TCP), and a gateway or a bare bleak
loop, one after the other, over the same backend. CPU is that of the measured process over a window
in which every device speaks; values are counted by the devices. Nothing is lost when the spool
holds as many samples as the devices sent to a subscriber.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import typer

from benchmarks import figures
from benchmarks.databases import folder_in
from benchmarks.figures import Baseline, CannotMeasureError, Figure
from benchmarks.gateway_ward import ADVERTISING_INTERVAL

_ROOT: Final = Path(__file__).parent.parent
_LOADS: Final = ((1, 1.0), (1, 50.0), (16, 1.0), (16, 50.0), (64, 1.0), (64, 50.0))
_ANSWER_S: Final = 180.0
_END_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one kind of process."""

    us_per_value: float
    values_per_s: float
    sent: int
    heard: int
    rss_mb: float
    first_value_s: float


class Process:
    """A process that answers a line with a line."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        reader: asyncio.StreamReader,
        errors: asyncio.StreamReader,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._errors = errors

    async def line(self) -> str:
        """Return its next line.

        Raises:
            CannotMeasureError: it ended, or said nothing in time.
        """
        try:
            async with asyncio.timeout(_ANSWER_S):
                line = await self._reader.readline()
        except TimeoutError:
            raise CannotMeasureError("a measured process does not answer") from None
        if not line:
            raise CannotMeasureError(f"a measured process ended: {await self._last_words()}")
        return line.decode().strip()

    async def ask(self, order: str) -> Any:
        """Give an order and return the answer."""
        self._writer.write(f"{order}\n".encode())
        await self._writer.drain()
        return json.loads(await self.line())

    async def _last_words(self) -> str:
        said = (await self._errors.read()).decode(errors="replace").strip()
        return said.splitlines()[-1] if said else "without a word"


@asynccontextmanager
async def process(module: str, *arguments: str) -> AsyncIterator[Process]:
    """Run `python -m MODULE` until the block ends."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, cwd=_ROOT,
    )  # fmt: skip
    if running.stdin is None or running.stdout is None or running.stderr is None:
        raise CannotMeasureError("a measured process has no pipes")
    try:
        yield Process(running.stdin, running.stdout, running.stderr)
    finally:
        running.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await running.wait()
        except TimeoutError:
            running.kill()
            await running.wait()


async def run(kind: str, devices: int, rate_hz: float, seconds: float, folder: Path) -> Measured:
    """Measure one kind of process with so many devices."""
    async with AsyncExitStack() as open_:
        ward = await open_.enter_async_context(
            process("benchmarks.gateway_ward", str(devices), str(rate_hz))
        )
        transport = await ward.line()
        measured = await open_.enter_async_context(
            process(
                "benchmarks.gateway_run",
                kind, transport, str(devices), str(folder), str(time.monotonic()),
            )
        )  # fmt: skip
        ready = await measured.ask("ready")
        before, sent_before = await measured.ask("mark"), await ward.ask("count")
        await asyncio.sleep(seconds)
        after, sent_after = await measured.ask("mark"), await ward.ask("count")
        sent = await ward.ask("quiet")
        ended = await measured.ask("end")
    values = sent_after - sent_before
    if values <= 0:
        raise CannotMeasureError(f"{devices} devices said nothing in {seconds} s")
    return Measured(
        us_per_value=(after["cpu_s"] - before["cpu_s"]) / values * 1e6,
        values_per_s=values / (after["at_s"] - before["at_s"]),
        sent=sent,
        heard=ended["heard"],
        rss_mb=ended["rss_mb"],
        first_value_s=ready["first_value_s"],
    )


async def measure(
    loads: Sequence[tuple[int, float]], rounds: int, seconds: float, folder: Path
) -> list[Figure]:
    """Measure each load `rounds` times, gateway and bare loop in turn."""
    found: list[Figure] = []
    lost: list[float] = []
    sent = 0
    resident: list[float] = []
    cold: list[float] = []
    for devices, rate_hz in loads:
        whole: list[Measured] = []
        bare: list[Measured] = []
        for number in range(rounds):
            own = folder / f"{devices}x{rate_hz:.0f}-{number}"
            own.mkdir()
            whole.append(await run("whole", devices, rate_hz, seconds, own))
            bare.append(await run("bare", devices, rate_hz, seconds, own))
        name = f"us_per_notification_{devices}x{rate_hz:.0f}"
        against = median(one.us_per_value for one in bare)
        found.append(
            figures.plain(
                name,
                [one.us_per_value for one in whole],
                "µs",
                Baseline(
                    f"{median(w.us_per_value for w in whole) / against:.2f} × a bare bleak loop",
                    against,
                    "µs",
                ),
            )
        )
        lost += [float(one.sent - one.heard) for one in whole]
        sent += sum(one.sent for one in whole)
        resident += [one.rss_mb for one in whole]
        if devices == 1:
            cold += [one.first_value_s for one in whole]
    found.append(
        figures.plain("lost", [sum(lost)], "values", Baseline("of values sent", float(sent), ""))
    )
    found.append(figures.plain("rss_mb", [max(resident)], "MB"))
    if cold:
        interval_s = ADVERTISING_INTERVAL.total_seconds()
        found.append(
            figures.plain(
                "cold_start_s", cold, "s", Baseline("the advertising interval", interval_s, "s")
            )
        )
    return found


def parser() -> argparse.ArgumentParser:
    """Return the options of the benchmark."""
    options = argparse.ArgumentParser(prog="telehealth bench gateway", description=__doc__)
    options.add_argument("--rounds", type=int, default=3, help="rounds of each load")
    options.add_argument("--seconds", type=float, default=10.0, help="how long a round measures")
    options.add_argument("--devices", type=int, help="only loads of so many devices")
    options.add_argument("--folder", type=Path, default=Path("var/bench"), help="on which disk")
    options.add_argument("--json", type=Path, help="write the figures there as well")
    return options


def main(args: list[str]) -> int:
    """Measure what the arguments ask for; returns 1 where it could not be measured."""
    given = parser().parse_args(args)
    loads = [load for load in _LOADS if given.devices in (None, load[0])]
    found: list[Figure] = []
    failure = ""
    with folder_in(given.folder) as folder:
        try:
            found = asyncio.run(measure(loads, given.rounds, given.seconds, folder))
        except (CannotMeasureError, OSError) as error:
            failure = str(error)
    for figure in found:
        typer.echo(figure.line())
    if given.json:
        given.json.write_text(figures.to_json(found), encoding="utf-8")
    if failure:
        typer.echo(f"bench gateway: {failure}", err=True)
    return 1 if failure else 0
