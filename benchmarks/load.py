"""The load, a process of its own: `python -m benchmarks.load`.

Its plan comes on standard input as JSON, what it counted goes to standard output. Everything it
sends is made before the timed part.
"""

import asyncio
import sys
from collections.abc import Sequence
from time import perf_counter

import msgspec
import uvloop

from benchmarks.figures import CannotMeasureError, percentile
from benchmarks.link import Link
from benchmarks.messages import Ward, gateway_id
from telehealth import clock

_TIMEOUT_S = 120.0
_LAG = 1.02
"""A paced load that takes longer than this times its plan did not keep its pace."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: `warm_up` messages of each connection, then `messages` that are timed."""

    port: int
    kind: str
    connections: int
    in_flight: int
    warm_up: int
    messages: int
    """In all, over all connections."""
    per_second: float | None = None
    """Messages a second to send; None: as fast as acknowledgements come."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent and acknowledged, warm-up included, and how long the timed part took."""

    messages: int
    readings: int
    timed: int
    seconds: float
    """From the first frame written to the last acknowledgement."""
    p50_ms: float | None = None
    p99_ms: float | None = None


async def run(plan: Plan) -> Counted:
    """Connect, prepare, warm up, send, and wait for the last acknowledgement.

    Raises:
        CannotMeasureError: the server refused something, closed, or the pace could not be kept.
    """
    each = plan.messages // plan.connections
    links = await _connect(plan)
    ward = Ward(plan.connections, plan.kind, plan.warm_up + each, now_ms=clock.now_ms())
    readings = 0
    for number, link in enumerate(links):
        batches = list(ward.messages(number, 0, plan.warm_up + each))
        readings += sum(len(batch.readings) for batch in batches)
        link.prepare(batches)
    await asyncio.gather(*(link.send_up_to(plan.warm_up) for link in links))
    if plan.per_second is None:
        began = perf_counter()
        await asyncio.gather(*(link.send_up_to(plan.warm_up + each) for link in links))
        seconds = perf_counter() - began
    else:
        seconds = await _paced(links, plan.warm_up, each, plan.per_second)
    latencies_ms = [1_000 * s for link in links for s in link.latencies_s]
    for link in links:
        link.close()
    return Counted(
        messages=(plan.warm_up + each) * len(links),
        readings=readings,
        timed=each * len(links),
        seconds=seconds,
        p50_ms=percentile(latencies_ms, 50) if latencies_ms else None,
        p99_ms=percentile(latencies_ms, 99) if latencies_ms else None,
    )


async def _connect(plan: Plan) -> list[Link]:
    loop = asyncio.get_running_loop()
    links: list[Link] = []
    for number in range(plan.connections):
        _, link = await loop.create_connection(
            lambda n=number: Link(gateway_id(n), port=plan.port, in_flight=plan.in_flight),  # type: ignore[misc]
            "127.0.0.1",
            plan.port,
        )
        await asyncio.wait_for(link.welcomed, _TIMEOUT_S)
        links.append(link)
    return links


async def _paced(links: Sequence[Link], warm_up: int, each: int, per_second: float) -> float:
    """Send round the connections at an even pace; returns how long sending took."""
    total = each * len(links)
    began = perf_counter()
    for number in range(total):
        wait_s = began + number / per_second - perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        links[number % len(links)].send_next()
    seconds = perf_counter() - began
    await asyncio.gather(*(link.expect(warm_up + each) for link in links))
    if seconds > _LAG * total / per_second:
        raise CannotMeasureError(
            f"the load sent {total / seconds:,.0f} messages a second instead of {per_second:,.0f}"
        )
    return seconds


def main() -> int:
    """Carry out the plan on standard input."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    try:
        counted = uvloop.run(asyncio.wait_for(run(plan), _TIMEOUT_S))
    except (CannotMeasureError, OSError, TimeoutError) as error:
        sys.stderr.write(f"load: {type(error).__name__}: {error}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(counted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
