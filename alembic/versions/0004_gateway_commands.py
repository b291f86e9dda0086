"""Gateways are commanded; new readings are asked for"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gateway_command",
        sa.Column("command_id", sa.String(), nullable=False),
        sa.Column("gateway_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("given_ms", BIG, nullable=False),
        sa.Column("until_ms", BIG, nullable=False),
        sa.Column("done_ms", BIG, nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["gateway_id"],
            ["gateway.gateway_id"],
            name=op.f("fk_gateway_command_gateway_id_gateway"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_gateway_command_person_id_person")
        ),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_gateway_command")),
    )
    op.create_index(op.f("ix_gateway_command_gateway_id"), "gateway_command", ["gateway_id"])
    op.create_table(
        "measure_request",
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_ms", BIG, nullable=False),
        sa.Column("command_id", sa.String(), nullable=True),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_measure_request_person_id_person")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_measure_request")),
    )
    op.create_index(op.f("ix_measure_request_person_id"), "measure_request", ["person_id"])
    with op.batch_alter_table("gateway", schema=None) as batch_op:
        batch_op.add_column(sa.Column("model", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("abilities", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gateway_id", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("battery_low", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("clock_offset_s", sa.Float(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.drop_column("clock_offset_s")
        batch_op.drop_column("battery_low")
        batch_op.drop_column("gateway_id")
    with op.batch_alter_table("gateway", schema=None) as batch_op:
        batch_op.drop_column("abilities")
        batch_op.drop_column("model")
    op.drop_index(op.f("ix_measure_request_person_id"), table_name="measure_request")
    op.drop_table("measure_request")
    op.drop_index(op.f("ix_gateway_command_gateway_id"), table_name="gateway_command")
    op.drop_table("gateway_command")
