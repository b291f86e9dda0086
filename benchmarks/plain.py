"""The comparison: what is usually written first, FastAPI and SQLModel with one POST a reading.

`python -m benchmarks.plain FILE PORT` serves it with uvicorn. It gets the same durability as the
product (WAL, synchronous=FULL) and an index on the device, and neither scores nor alerts.
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated, Any

import aiohttp
import uvicorn
from fastapi import Depends, FastAPI
from sqlalchemy import event
from sqlmodel import Field, Session, SQLModel, create_engine

from benchmarks.figures import CannotMeasureError

CLIENTS = 8
_WARM_UP = 25
_CREATED = 201


class ReadingIn(SQLModel):
    """What a client posts."""

    device_id: str
    measured_at: datetime
    spo2_percent: float = Field(ge=0, le=100)
    pulse_per_min: float = Field(ge=0, le=350)
    perfusion_index_percent: float = Field(ge=0, le=100)


class PlainReading(ReadingIn, table=True):
    """The row."""

    reading_id: int | None = Field(default=None, primary_key=True)
    device_id: str = Field(index=True)


def create_app(path: str) -> FastAPI:
    """Return the server over a SQLite file."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 30000")

    PlainReading.__table__.create(engine)  # type: ignore[attr-defined]
    app = FastAPI()

    def session() -> Iterator[Session]:
        with Session(engine) as opened:
            yield opened

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/readings", status_code=_CREATED)
    def create(
        reading: ReadingIn, opened: Annotated[Session, Depends(session)]
    ) -> dict[str, int | None]:
        row = PlainReading.model_validate(reading)
        opened.add(row)
        opened.commit()
        opened.refresh(row)
        return {"reading_id": row.reading_id}

    return app


async def post_for(port: int, seconds: float, *, clients: int = CLIENTS) -> float:
    """Post readings over kept-alive connections; returns readings a second.

    Raises:
        CannotMeasureError: a reading was not created.
    """
    address = f"http://127.0.0.1:{port}/readings"
    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(connector=connector) as session:
        await _post_each(session, address, clients, _WARM_UP * clients)
        began = perf_counter()
        created = await asyncio.gather(
            *(_post_until(session, address, n, began + seconds) for n in range(clients))
        )
        return sum(created) / (perf_counter() - began)


async def _post_each(
    session: aiohttp.ClientSession, address: str, clients: int, count: int
) -> None:
    for first in range(0, count, clients):
        await asyncio.gather(*(_post(session, address, first + n) for n in range(clients)))


async def _post_until(
    session: aiohttp.ClientSession, address: str, client: int, until: float
) -> int:
    count = 0
    while perf_counter() < until:
        await _post(session, address, client * 1_000_000 + count)
        count += 1
    return count


async def _post(session: aiohttp.ClientSession, address: str, number: int) -> None:
    reading = {
        "device_id": f"d{number % 20_000:06d}",
        "measured_at": datetime.fromtimestamp(1_700_000_000 + number, UTC).isoformat(),
        "spo2_percent": 97.0,
        "pulse_per_min": 72.0,
        "perfusion_index_percent": 4.1,
    }
    async with session.post(address, json=reading) as answer:
        if answer.status != _CREATED:
            raise CannotMeasureError(f"the plain server answered {answer.status}")
        await answer.read()


def main() -> None:
    """Serve until stopped."""
    path, port = sys.argv[1:3]
    uvicorn.run(
        create_app(path), host="127.0.0.1", port=int(port), log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
