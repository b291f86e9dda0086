"""Doctors set target ranges and scale 2; readings keep their trend and what other rules say"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "person_limit",
        sa.Column("limit_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lowest_percent", sa.Float(), nullable=True),
        sa.Column("highest_percent", sa.Float(), nullable=True),
        sa.Column("red_at_most_percent", sa.Float(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_ms", BIG, nullable=False),
        sa.Column("until_ms", BIG, nullable=True),
        sa.Column("signed_by", sa.String(), nullable=True),
        sa.Column("signed_ms", BIG, nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_ms", BIG, nullable=True),
        sa.CheckConstraint(
            "kind IN ('target_range', 'scale_2')", name=op.f("ck_person_limit_kind")
        ),
        sa.CheckConstraint(
            "kind <> 'target_range' OR (lowest_percent < highest_percent AND until_ms > set_ms)",
            name=op.f("ck_person_limit_range"),
        ),
        sa.CheckConstraint(
            "signed_by IS NULL OR signed_by <> set_by", name=op.f("ck_person_limit_second")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_person_limit_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["account.account_id"], name=op.f("fk_person_limit_set_by_account")
        ),
        sa.ForeignKeyConstraint(
            ["signed_by"], ["account.account_id"], name=op.f("fk_person_limit_signed_by_account")
        ),
        sa.PrimaryKeyConstraint("limit_id", name=op.f("pk_person_limit")),
    )
    op.create_index(op.f("ix_person_limit_person_id"), "person_limit", ["person_id"])
    op.add_column("reading", sa.Column("trend", sa.Float(), nullable=True))
    op.add_column("reading", sa.Column("compared_level", sa.Integer(), nullable=True))
    op.add_column("reading", sa.Column("compared_pack", sa.String(), nullable=True))
    op.add_column("programme", sa.Column("compared_pack", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("programme", "compared_pack")
    op.drop_column("reading", "compared_pack")
    op.drop_column("reading", "compared_level")
    op.drop_column("reading", "trend")
    op.drop_index(op.f("ix_person_limit_person_id"), table_name="person_limit")
    op.drop_table("person_limit")
