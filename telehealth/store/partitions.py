"""Monthly partitions of PostgreSQL's large tables, made ahead; nothing to do on SQLite.

A row always finds a home: behind the months stands a default partition. Months are made long
before they begin, while the default holds none of their rows.
"""

import itertools
from datetime import datetime

from sqlalchemy import Connection, inspect, text

from protocols.uplink import epoch_ms, instant

PARTITIONED = ("audit", "reading", "upload")
"""Tables cut by `received_ms`; `audit` by `at_ms`."""
AHEAD_MONTHS = 3


def ensure(connection: Connection) -> None:
    """Make the partitions of this month and the coming ones; idempotent."""
    for table, name, first, after in _lacking(connection, AHEAD_MONTHS):
        connection.exec_driver_sql(
            f"CREATE TABLE {name} PARTITION OF {table}"
            f" FOR VALUES FROM ({epoch_ms(first)}) TO ({epoch_ms(after)})"
        )
        if table == "audit":  # statement triggers are not handed down to partitions
            connection.exec_driver_sql(
                f"CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {name}"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
            )


def missing(connection: Connection) -> list[str]:
    """Return the partitions of this month and the next that nobody has made yet."""
    return [name for _, name, _, _ in _lacking(connection, 1)]


def _lacking(connection: Connection, ahead: int) -> list[tuple[str, str, datetime, datetime]]:
    """Return table, name, first instant and end of each partition that is not there."""
    if connection.dialect.name != "postgresql":
        return []
    present = set(inspect(connection).get_table_names())
    now_ms = connection.execute(text("SELECT (extract(epoch FROM now()) * 1000)::bigint")).scalar()
    months = _months(instant(int(now_ms or 0)), ahead + 2)
    return [
        (table, f"{table}_y{first:%Y}m{first:%m}", first, after)
        for table in PARTITIONED
        if table in present
        for first, after in itertools.pairwise(months)
        if f"{table}_y{first:%Y}m{first:%m}" not in present
    ]


def _months(now: datetime, count: int) -> list[datetime]:
    """Return the first instants of `count` months, this one first."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = [first]
    for _ in range(count - 1):
        last = found[-1]
        year, month = (last.year + 1, 1) if last.month == 12 else (last.year, last.month + 1)
        found.append(last.replace(year=year, month=month))
    return found
