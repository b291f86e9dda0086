"""`telehealth bench intake`: the reading pipeline against its ceilings (docs/performance.md).

Rounds are interleaved, product, ceiling, product, ceiling, so that a noisy machine disturbs both.
Each round runs the real server, as a process of its own, on a fresh copy of one prepared database,
and afterwards that database must hold exactly what was acknowledged.
"""

import argparse
import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import typer

from benchmarks import figures, keyring, proc, processes, raw
from benchmarks.databases import Databases, check, folder_in, stored
from benchmarks.figures import Baseline, CannotMeasureError, Figure
from benchmarks.load import Counted, Plan
from benchmarks.messages import DEVICES, SAMPLES, most_messages
from benchmarks.population import prepare

RAW: Final = "to raw sqlite3 executemany, 1,000 rows a transaction, WAL, FULL"
COPY: Final = "to raw PostgreSQL COPY, 1,000 rows a transaction"
PLAIN: Final = "to FastAPI + SQLModel, one POST a reading, WAL, FULL"
PACED_PER_SECOND: Final = 2_000.0
PACED_CONNECTIONS: Final = 200
_WARM_UP: Final = 4_000
_CALIBRATION: Final = 16_000
_DEMO_SETTLES_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of the product came to."""

    counted: Counted
    cpu_us: float
    """Processor time of the whole server for each message."""

    @property
    def per_second(self) -> float:
        """Messages acknowledged a second."""
        return self.counted.timed / self.counted.seconds


@dataclass(slots=True)
class Bench:
    """What the measurements share: the options, the databases and the prepared one among them."""

    rounds: int
    seconds: float
    connections: int
    in_flight: int
    folder: Path
    databases: Databases
    template: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    async def round(
        self,
        kind: str,
        messages: int,
        *,
        connections: int | None = None,
        per_second: float | None = None,
    ) -> Round:
        """Run the server on a fresh copy under one load, and check what it stored.

        Raises:
            CannotMeasureError: the server or the load failed, or the database disagrees.
        """
        connections = connections or self.connections
        async with self.databases.copy_of(self.template) as url:
            before = await stored(url)
            async with processes.product(url, self.folder) as (pid, port):
                idle_s = proc.cpu_s(pid)
                counted = await processes.load(
                    Plan(
                        port=port,
                        kind=kind,
                        connections=connections,
                        in_flight=self.in_flight,
                        warm_up=_WARM_UP // connections,
                        messages=messages,
                        per_second=per_second,
                    )
                )
                cpu_s = proc.cpu_s(pid) - idle_s
            came = (await stored(url)).since(before)
        check(came, uploads=counted.messages, readings=counted.readings)
        return Round(counted, 1e6 * cpu_s / counted.messages)

    async def full_speed(self, kind: str) -> Round:
        """Return a round at the speed that the server allows."""
        if kind not in self.sizes:
            wanted = int((await self.round(kind, _CALIBRATION)).per_second * self.seconds)
            self.sizes[kind] = min(max(wanted, _CALIBRATION), most_messages(kind) - _WARM_UP)
        return await self.round(kind, self.sizes[kind])


async def intake_ratio_10(bench: Bench) -> list[Figure]:
    """Ten samples a message, every sixth message closing a minute that is scored in full."""
    samples, cpu_us, rows, copies = [], [], [], []
    for _ in range(bench.rounds):
        product = await bench.full_speed("samples")
        samples.append(SAMPLES * product.per_second)
        cpu_us.append(product.cpu_us)
        rows.append(raw.executemany_rows_per_second(bench.folder, bench.seconds))
        if not bench.databases.is_sqlite:
            copies.append(await raw.copy_rows_per_second(bench.databases.server_url, bench.seconds))
    found = [
        figures.ratio("intake_ratio_10", samples, rows, what=RAW, unit="rows/s"),
        figures.plain("intake_cpu_us_10", cpu_us, "µs of server CPU a message"),
    ]
    if copies:
        found.append(figures.ratio("intake_vs_copy_10", samples, copies, what=COPY, unit="rows/s"))
    return found


async def spots(bench: Bench) -> list[Figure]:
    """One spot check a message: scored, alerts decided, row written."""
    readings, cpu_us, rows, posts = [], [], [], []
    for _ in range(bench.rounds):
        product = await bench.full_speed("spots")
        readings.append(product.per_second)
        cpu_us.append(product.cpu_us)
        rows.append(raw.executemany_rows_per_second(bench.folder, bench.seconds))
        posts.append(await _plain_posts_per_second(bench))
    return [
        figures.ratio("spot_ratio_1", readings, rows, what=RAW, unit="rows/s"),
        figures.ratio("spot_vs_plain_1", readings, posts, what=PLAIN, unit="readings/s"),
        figures.plain("spot_cpu_us_1", cpu_us, "µs of server CPU a message"),
    ]


async def _plain_posts_per_second(bench: Bench) -> float:
    from benchmarks import plain  # noqa: PLC0415 - FastAPI is loaded only where it is measured

    port = processes.free_port()
    path = bench.folder / "plain.sqlite"
    try:
        async with processes.serving(
            ("-m", "benchmarks.plain", str(path), str(port)),
            port=port,
            folder=bench.folder,
            settings={},
            ready="/readyz",
        ):
            return await plain.post_for(port, bench.seconds)
    finally:
        for left in bench.folder.glob("plain.sqlite*"):
            left.unlink()


async def latencies(bench: Bench) -> list[Figure]:
    """From sending a message to the ack that covers it, at 20,000 samples a second."""
    p50, p99, disk = [], [], []
    messages = int(PACED_PER_SECOND * bench.seconds) // PACED_CONNECTIONS * PACED_CONNECTIONS
    for _ in range(bench.rounds):
        paced = await bench.round(
            "samples", messages, connections=PACED_CONNECTIONS, per_second=PACED_PER_SECOND
        )
        p50.append(paced.counted.p50_ms or 0.0)
        p99.append(paced.counted.p99_ms or 0.0)
        disk.append(raw.fdatasync_p99_ms(bench.folder))
    synced = figures.plain("fdatasync_p99_ms", disk, "ms")
    beside = Baseline("beside the disk's own fdatasync p99", synced.value, "ms")
    return [
        figures.plain("ack_p50_ms_20k", p50, "ms", beside),
        figures.plain("ack_p99_ms_20k", p99, "ms", beside),
        synced,
    ]


async def idle_rss(bench: Bench) -> list[Figure]:
    """The server without a load, after one page and `/readyz`."""
    found = []
    for _ in range(bench.rounds):
        async with (
            bench.databases.empty() as url,
            processes.product(url, bench.folder) as (pid, port),
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/login") as page,
        ):
            await page.read()
            if not page.ok:
                raise CannotMeasureError(f"/login answered {page.status}")
            found.append(proc.rss_mb(pid))
    return [figures.plain("idle_rss_mb", found, "MB")]


async def demo_rss(bench: Bench) -> list[Figure]:
    """The demo's whole process tree, half a minute after it is ready; once, it is long."""
    if importlib.util.find_spec("telehealth.demo") is None:
        raise CannotMeasureError("demo_rss_mb: this checkout has no demo")
    async with (
        Databases("", bench.folder).empty() as url,
        processes.product(url, bench.folder, arguments=("run", "--demo")) as (pid, _),
    ):
        await asyncio.sleep(_DEMO_SETTLES_S)
        return [figures.plain("demo_rss_mb", [proc.rss_mb(pid)], "MB")]


Measure = Callable[[Bench], Awaitable[list[Figure]]]
MEASURES: Final[dict[Measure, tuple[str, ...]]] = {
    idle_rss: ("idle_rss_mb",),
    intake_ratio_10: ("intake_ratio_10", "intake_cpu_us_10"),
    spots: ("spot_ratio_1", "spot_vs_plain_1", "spot_cpu_us_1"),
    latencies: ("ack_p50_ms_20k", "ack_p99_ms_20k", "fdatasync_p99_ms"),
    demo_rss: ("demo_rss_mb",),
}
"""Which measurement yields which figures, in the order in which they run."""
NAMES: Final = tuple(name for names in MEASURES.values() for name in names)


def chosen(only: Sequence[str]) -> Iterator[Measure]:
    """Yield the measurements that yield any of the figures; all of them where none is named."""
    for measure, names in MEASURES.items():
        if not only or any(name in only for name in names):
            yield measure


async def _prepare(bench: Bench, url: str) -> None:
    """Fill a database and let the server take in one minute of everybody."""
    await prepare(url)
    async with processes.product(url, bench.folder) as (_, port):
        await processes.load(
            Plan(
                port=port, kind="first", connections=16, in_flight=128, warm_up=0, messages=DEVICES
            )
        )
    bench.template = url


@asynccontextmanager
async def _prepared(bench: Bench, measures: Sequence[Measure]) -> AsyncIterator[None]:
    if not {intake_ratio_10, spots, latencies} & set(measures):
        yield
        return
    async with bench.databases.empty() as url:
        await _prepare(bench, url)
        yield


async def run(bench: Bench, measures: Sequence[Measure]) -> tuple[list[Figure], list[str]]:
    """Measure; returns the figures, printed as they come, and what could not be measured."""
    found: list[Figure] = []
    failures: list[str] = []
    async with _prepared(bench, measures):
        for measure in measures:
            try:
                new = await measure(bench)
            except (CannotMeasureError, OSError) as error:
                failures.append(f"{', '.join(MEASURES[measure])}: {error}")
                continue
            for figure in new:
                typer.echo(figure.line())
            found += new
    return found, failures


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    options = argparse.ArgumentParser(
        prog="telehealth bench intake", description="Measure the reading pipeline."
    )
    options.add_argument("--rounds", type=int, default=5, help="rounds of each figure")
    options.add_argument("--seconds", type=float, default=4.0, help="how long each round runs")
    options.add_argument("--database", default="", help="postgresql://… instead of SQLite files")
    options.add_argument("--only", action="append", choices=NAMES, default=[], help="a figure")
    options.add_argument("--json", type=Path, help="write the figures to this file as well")
    options.add_argument("--folder", type=Path, default=Path("var"), help="whose disk to measure")
    options.add_argument("--connections", type=int, default=16, help="gateways at full speed")
    options.add_argument(
        "--in-flight", type=int, default=128, help="messages of a gateway that may wait for an ack"
    )
    return options


def main(args: list[str]) -> int:
    """Measure what the arguments ask for; returns 1 where a figure could not be measured."""
    keyring.hand_over()
    given = parser().parse_args(args)
    measures = list(chosen(given.only))
    with folder_in(given.folder) as folder:
        bench = Bench(
            rounds=given.rounds,
            seconds=given.seconds,
            connections=given.connections,
            in_flight=given.in_flight,
            folder=folder,
            databases=Databases(given.database, folder),
        )
        try:
            found, failures = asyncio.run(run(bench, measures))
        except (CannotMeasureError, OSError) as error:
            found, failures = [], [str(error)]
    if given.json is not None:
        given.json.write_text(figures.to_json(found), encoding="utf-8")
    for failure in failures:
        typer.echo(f"bench intake: cannot measure {failure}", err=True)
    return 1 if failures else 0
