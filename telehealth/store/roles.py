"""What the serving role may do in PostgreSQL, where another role owns the tables and migrates.

The owner gives these rights anew after each migration, so a new table or partition never has more
than this (OWASP ASVS 5.0 §13.2.2). On SQLite, and with one role, there is nothing to give.
"""

from typing import Final

from sqlalchemy import Connection, text

APPEND_ONLY: Final = ("audit",)
"""Whose rows the serving role may add and read; neither change nor delete, in no partition."""
READ_ONLY: Final = ("alembic_version",)

_TABLES: Final = text(
    "SELECT c.relname, coalesce(parent.relname, c.relname) FROM pg_class c"
    " LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
    " LEFT JOIN pg_class parent ON parent.oid = i.inhparent"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
    " ORDER BY c.relname"
)
_IS_OWNER: Final = text(
    "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class"
    " WHERE relname = 'alembic_version' AND relnamespace = current_schema()::regnamespace"
)


def owns_tables(connection: Connection) -> bool:
    """Whether this role may change the schema: it owns it, or there is none yet."""
    if connection.dialect.name != "postgresql":
        return True
    return connection.execute(_IS_OWNER).scalar() is not False


def rights_on(table: str) -> str:
    """Return what the serving role may do with a table, or with the table a partition is of."""
    if table in READ_ONLY:
        return "SELECT"
    return "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"


def let_serve(connection: Connection, role: str) -> None:
    """Give a role what serving takes, and take everything else away from it."""
    quote = connection.dialect.identifier_preparer.quote
    run, name = connection.exec_driver_sql, quote(role)
    schema = quote(str(connection.execute(text("SELECT current_schema()")).scalar()))
    run(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {name}")
    run(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
    for table, whole in connection.execute(_TABLES).all():
        run(f"REVOKE ALL ON TABLE {quote(table)} FROM PUBLIC, {name}")
        run(f"GRANT {rights_on(whole)} ON TABLE {quote(table)} TO {name}")
    run(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}")
