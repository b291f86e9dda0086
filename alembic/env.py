"""Runs the migrations on the connection that `telehealth.store.migrate` opened."""

from alembic import context

from telehealth.store.migrate import is_ours, open_connection
from telehealth.store.tables import metadata


def run(connection) -> None:
    """Configure Alembic on an open connection and run."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=is_ours,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    open_connection(run)
