"""Phones upload; programmes have numbers to call"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "phone_shown",
        sa.Column("shown_id", BIG, nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("measured_ms", BIG, nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("received_ms", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_phone_shown_person_id_person")
        ),
        sa.PrimaryKeyConstraint("shown_id", name=op.f("pk_phone_shown")),
    )
    op.create_index("ix_phone_shown_person", "phone_shown", ["person_id", "measured_ms"])
    with op.batch_alter_table("gateway", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account_id", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_gateway_account_id_account"), "account", ["account_id"], ["account_id"]
        )
    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.add_column(sa.Column("station_phone", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("sms_number", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.drop_column("sms_number")
        batch_op.drop_column("station_phone")
    with op.batch_alter_table("gateway", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_gateway_account_id_account"), type_="foreignkey")
        batch_op.drop_column("account_id")
    op.drop_index("ix_phone_shown_person", table_name="phone_shown")
    op.drop_table("phone_shown")
