"""People and places, roles, consent, audit"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ROLES_BEFORE = "role IN ('doctor', 'patient', 'administrator')"
ROLES_NOW = (
    "role IN ('patient', 'nurse', 'doctor', 'coordinator', 'supervisor', 'checker', 'tracer',"
    " 'laboratory', 'vaccinator', 'manager', 'administrator', 'privacy_officer')"
)


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _audit_key() -> tuple[str, ...]:
    """PostgreSQL cuts the table by time: its key must hold that column."""
    return ("chain_id", "seq", "at_ms") if _is_postgresql() else ("chain_id", "seq")


def _refuse_changes_of_audit() -> None:
    """The database itself refuses to change or take away what was written."""
    if _is_postgresql():
        op.execute("CREATE TABLE audit_default PARTITION OF audit DEFAULT")
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit"
            " FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()"
        )
        for table in ("audit", "audit_default"):
            op.execute(
                f"CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
            )
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit"
                " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
            )
        op.execute(
            "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit"
            " WHERE (chain_id = NEW.chain_id AND seq = NEW.seq) OR rowid = NEW.rowid)"
            " BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        )


def _allow_changes_of_audit() -> None:
    if _is_postgresql():
        op.execute("DROP FUNCTION audit_is_append_only CASCADE")
    else:
        op.execute("DROP TRIGGER audit_no_update")
        op.execute("DROP TRIGGER audit_no_delete")
        op.execute("DROP TRIGGER audit_no_replace")


def _give_roles() -> None:
    """Each account of before holds its one role: a doctor's within the programme."""
    op.execute(
        "INSERT INTO role_grant (grant_id, account_id, role, programme_id, from_ms, granted_by)"
        " SELECT 'gr-' || account_id, account_id, role, programme_id, created_ms, 'migration 0002'"
        " FROM account WHERE role <> 'patient'"
    )


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("used", sa.Float(), nullable=False),
        sa.Column("updated_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_updated_ms"), "attempts", ["updated_ms"], unique=False)

    op.create_table(
        "audit",
        sa.Column("chain_id", sa.String(), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*_audit_key(), name=op.f("pk_audit")),
        postgresql_partition_by="RANGE (at_ms)",
    )
    op.create_index("ix_audit_actor", "audit", ["actor_id", "at_ms"], unique=False)
    op.create_index("ix_audit_at", "audit", ["at_ms"], unique=False)
    op.create_index("ix_audit_person", "audit", ["person_id", "at_ms"], unique=False)

    op.create_table(
        "person_token",
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("bucket", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("token", "bucket", "person_id", name=op.f("pk_person_token")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_person_token_person_id", "person_token", ["person_id"], unique=False)

    op.create_table(
        "place",
        sa.Column("place_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("valid_from", sa.String(), nullable=False),
        sa.Column("valid_to", sa.String(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("boundary", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_place_dates")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["place.place_id"], name=op.f("fk_place_parent_id_place")
        ),
        sa.PrimaryKeyConstraint("place_id", name=op.f("pk_place")),
        sa.UniqueConstraint(
            "level", "code", "valid_from", name=op.f("uq_place_level_code_valid_from")
        ),
    )
    op.create_index(op.f("ix_place_code"), "place", ["code"], unique=False)
    op.create_index(op.f("ix_place_folded"), "place", ["folded"], unique=False)
    op.create_index(op.f("ix_place_parent_id"), "place", ["parent_id"], unique=False)

    op.create_table(
        "reading_attribution",
        sa.Column("attribution_id", sa.String(), nullable=False),
        sa.Column("reading_id", BIG, nullable=False),
        sa.Column("received_ms", BIG, nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("attribution_id", name=op.f("pk_reading_attribution")),
    )
    op.create_index(
        "ix_reading_attribution_reading_id", "reading_attribution", ["reading_id"], unique=False
    )

    op.create_table(
        "retention_rule",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_retention_rule")),
    )
    op.create_table(
        "retention_run",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("removed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_retention_run")),
    )
    op.create_index(op.f("ix_retention_run_at_ms"), "retention_run", ["at_ms"], unique=False)

    op.create_table(
        "household",
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("place_id", sa.String(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["place_id"], ["place.place_id"], name=op.f("fk_household_place_id_place")
        ),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household")),
    )
    op.create_index(op.f("ix_household_place_id"), "household", ["place_id"], unique=False)

    op.create_table(
        "place_ancestor",
        sa.Column("place_id", sa.String(), nullable=False),
        sa.Column("ancestor_id", sa.String(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ancestor_id"], ["place.place_id"], name=op.f("fk_place_ancestor_ancestor_id_place")
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["place.place_id"], name=op.f("fk_place_ancestor_place_id_place")
        ),
        sa.PrimaryKeyConstraint("place_id", "ancestor_id", name=op.f("pk_place_ancestor")),
    )
    op.create_index(
        "ix_place_ancestor_ancestor_id", "place_ancestor", ["ancestor_id", "place_id"], unique=False
    )

    op.create_table(
        "place_successor",
        sa.Column("place_id", sa.String(), nullable=False),
        sa.Column("successor_id", sa.String(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["place_id"], ["place.place_id"], name=op.f("fk_place_successor_place_id_place")
        ),
        sa.ForeignKeyConstraint(
            ["successor_id"], ["place.place_id"], name=op.f("fk_place_successor_successor_id_place")
        ),
        sa.PrimaryKeyConstraint("place_id", "successor_id", name=op.f("pk_place_successor")),
    )
    op.create_index(
        op.f("ix_place_successor_successor_id"), "place_successor", ["successor_id"], unique=False
    )

    op.create_table(
        "consent",
        sa.Column("consent_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("given_ms", BIG, nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("guardian_person_id", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=True),
        sa.Column("withdrawn_ms", BIG, nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=True),
        sa.Column("due_ms", BIG, nullable=True),
        sa.Column("done_ms", BIG, nullable=True),
        sa.CheckConstraint(
            "channel IN ('page', 'paper', 'spoken')", name=op.f("ck_consent_channel")
        ),
        sa.ForeignKeyConstraint(
            ["guardian_person_id"],
            ["person.person_id"],
            name=op.f("fk_consent_guardian_person_id_person"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_consent_person_id_person")
        ),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_person_id"), "consent", ["person_id"], unique=False)
    op.create_index(
        "ux_consent_open",
        "consent",
        ["person_id", "item"],
        unique=True,
        sqlite_where=sa.text("withdrawn_ms IS NULL"),
        postgresql_where=sa.text("withdrawn_ms IS NULL"),
    )

    op.create_table(
        "entry_code",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.Column("used_ms", BIG, nullable=True),
        sa.Column("used_by", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('enrolment', 'one_time')", name=op.f("ck_entry_code_kind")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_entry_code_person_id_person")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_entry_code")),
    )
    op.create_index(op.f("ix_entry_code_person_id"), "entry_code", ["person_id"], unique=False)

    op.create_table(
        "export",
        sa.Column("export_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_ms", BIG, nullable=False),
        sa.Column("rows_count", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_export_person_id_person")
        ),
        sa.PrimaryKeyConstraint("export_id", name=op.f("pk_export")),
    )
    op.create_index(op.f("ix_export_person_id"), "export", ["person_id"], unique=False)

    op.create_table(
        "household_member",
        sa.Column("membership_id", sa.String(), nullable=False),
        sa.Column("household_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("is_head", sa.Boolean(), nullable=False),
        sa.Column("from_ms", BIG, nullable=False),
        sa.Column("to_ms", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["household_id"],
            ["household.household_id"],
            name=op.f("fk_household_member_household_id_household"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_household_member_person_id_person")
        ),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_household_member")),
    )
    op.create_index(
        op.f("ix_household_member_household_id"), "household_member", ["household_id"], unique=False
    )
    op.create_index(
        op.f("ix_household_member_person_id"), "household_member", ["person_id"], unique=False
    )

    op.create_table(
        "person_identifier",
        sa.Column("identifier_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.String(), nullable=True),
        sa.Column("valid_to", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_ms", BIG, nullable=False),
        sa.Column("ended_ms", BIG, nullable=True),
        sa.CheckConstraint(
            "kind IN ('citizen_id', 'old_citizen_id', 'passport', 'insurance', 'phone', 'station_code')",
            name=op.f("ck_person_identifier_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_person_identifier_person_id_person")
        ),
        sa.PrimaryKeyConstraint("identifier_id", name=op.f("pk_person_identifier")),
    )
    op.create_index(
        op.f("ix_person_identifier_person_id"), "person_identifier", ["person_id"], unique=False
    )
    op.create_index(
        "ix_person_identifier_value", "person_identifier", ["value_hash", "kind"], unique=False
    )

    op.create_table(
        "person_merge",
        sa.Column("merge_id", sa.String(), nullable=False),
        sa.Column("merged_person_id", sa.String(), nullable=False),
        sa.Column("into_person_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("moved", sa.LargeBinary(), nullable=False),
        sa.Column("merged_by", sa.String(), nullable=False),
        sa.Column("merged_ms", BIG, nullable=False),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.Column("undone_ms", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["into_person_id"],
            ["person.person_id"],
            name=op.f("fk_person_merge_into_person_id_person"),
        ),
        sa.ForeignKeyConstraint(
            ["merged_person_id"],
            ["person.person_id"],
            name=op.f("fk_person_merge_merged_person_id_person"),
        ),
        sa.PrimaryKeyConstraint("merge_id", name=op.f("pk_person_merge")),
    )
    op.create_index(
        op.f("ix_person_merge_into_person_id"), "person_merge", ["into_person_id"], unique=False
    )
    op.create_index(
        op.f("ix_person_merge_merged_person_id"), "person_merge", ["merged_person_id"], unique=False
    )

    op.create_table(
        "person_pair",
        sa.Column("pair_id", sa.String(), nullable=False),
        sa.Column("person_a", sa.String(), nullable=False),
        sa.Column("person_b", sa.String(), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("found_ms", BIG, nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_ms", BIG, nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.CheckConstraint("grade IN ('exact', 'probable')", name=op.f("ck_person_pair_grade")),
        sa.CheckConstraint(
            "state IN ('open', 'merged', 'distinct')", name=op.f("ck_person_pair_state")
        ),
        sa.CheckConstraint("person_a < person_b", name=op.f("ck_person_pair_ordered")),
        sa.ForeignKeyConstraint(
            ["person_a"], ["person.person_id"], name=op.f("fk_person_pair_person_a_person")
        ),
        sa.ForeignKeyConstraint(
            ["person_b"], ["person.person_id"], name=op.f("fk_person_pair_person_b_person")
        ),
        sa.PrimaryKeyConstraint("pair_id", name=op.f("pk_person_pair")),
        sa.UniqueConstraint("person_a", "person_b", name=op.f("uq_person_pair_person_a_person_b")),
    )
    op.create_index(op.f("ix_person_pair_person_b"), "person_pair", ["person_b"], unique=False)

    op.create_table(
        "person_proxy",
        sa.Column("proxy_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("proxy_person_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("from_ms", BIG, nullable=False),
        sa.Column("to_ms", BIG, nullable=True),
        sa.CheckConstraint("kind IN ('carer', 'guardian')", name=op.f("ck_person_proxy_kind")),
        sa.CheckConstraint("person_id <> proxy_person_id", name=op.f("ck_person_proxy_other")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_person_proxy_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["proxy_person_id"],
            ["person.person_id"],
            name=op.f("fk_person_proxy_proxy_person_id_person"),
        ),
        sa.PrimaryKeyConstraint("proxy_id", name=op.f("pk_person_proxy")),
    )
    op.create_index(op.f("ix_person_proxy_person_id"), "person_proxy", ["person_id"], unique=False)
    op.create_index(
        op.f("ix_person_proxy_proxy_person_id"), "person_proxy", ["proxy_person_id"], unique=False
    )

    op.create_table(
        "subject_request",
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_ms", BIG, nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("answer_due_ms", BIG, nullable=False),
        sa.Column("done_due_ms", BIG, nullable=False),
        sa.Column("answered_ms", BIG, nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("closed_ms", BIG, nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("outcome", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('copy', 'correct', 'delete', 'restrict')",
            name=op.f("ck_subject_request_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'answered', 'done', 'refused')",
            name=op.f("ck_subject_request_state"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_subject_request_person_id_person")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_subject_request")),
    )
    op.create_index(
        op.f("ix_subject_request_person_id"), "subject_request", ["person_id"], unique=False
    )

    op.create_table(
        "break_glass",
        sa.Column("break_glass_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("started_ms", BIG, nullable=False),
        sa.Column("ends_ms", BIG, nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.Column("reviewed_ms", BIG, nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("review_note", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('justified', 'not_justified')", name=op.f("ck_break_glass_verdict")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name=op.f("fk_break_glass_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_break_glass_person_id_person")
        ),
        sa.PrimaryKeyConstraint("break_glass_id", name=op.f("pk_break_glass")),
    )
    op.create_index(op.f("ix_break_glass_account_id"), "break_glass", ["account_id"], unique=False)
    op.create_index(op.f("ix_break_glass_person_id"), "break_glass", ["person_id"], unique=False)
    op.create_index(
        "ix_break_glass_unreviewed",
        "break_glass",
        ["started_ms"],
        unique=False,
        sqlite_where=sa.text("reviewed_ms IS NULL"),
        postgresql_where=sa.text("reviewed_ms IS NULL"),
    )

    op.create_table(
        "login_step",
        sa.Column("step_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("challenge", sa.LargeBinary(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name=op.f("fk_login_step_account_id_account")
        ),
        sa.PrimaryKeyConstraint("step_hash", name=op.f("pk_login_step")),
    )
    op.create_index(op.f("ix_login_step_expires_ms"), "login_step", ["expires_ms"], unique=False)

    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("used_ms", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name=op.f("fk_recovery_code_account_id_account")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_code")),
    )
    op.create_index(
        op.f("ix_recovery_code_account_id"), "recovery_code", ["account_id"], unique=False
    )

    op.create_table(
        "role_grant",
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("place_id", sa.String(), nullable=True),
        sa.Column("programme_id", sa.String(), nullable=True),
        sa.Column("from_ms", BIG, nullable=False),
        sa.Column("to_ms", BIG, nullable=True),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.CheckConstraint(
            "role IN ('patient', 'nurse', 'doctor', 'coordinator', 'supervisor', 'checker', 'tracer', 'laboratory', 'vaccinator', 'manager', 'administrator', 'privacy_officer')",
            name=op.f("ck_role_grant_role"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name=op.f("fk_role_grant_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["place.place_id"], name=op.f("fk_role_grant_place_id_place")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["programme.programme_id"],
            name=op.f("fk_role_grant_programme_id_programme"),
        ),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_role_grant")),
    )
    op.create_index(op.f("ix_role_grant_account_id"), "role_grant", ["account_id"], unique=False)
    op.create_index(op.f("ix_role_grant_place_id"), "role_grant", ["place_id"], unique=False)

    op.create_table(
        "security_key",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", BIG, nullable=False),
        sa.Column("transports", sa.String(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("used_ms", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name=op.f("fk_security_key_account_id_account")
        ),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_security_key")),
    )
    op.create_index(
        op.f("ix_security_key_account_id"), "security_key", ["account_id"], unique=False
    )

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("totp", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("totp_confirmed_ms", BIG, nullable=True))
        batch_op.add_column(sa.Column("totp_last_step", BIG, nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("password_temporary", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.create_index(batch_op.f("ix_account_person_id"), ["person_id"], unique=False)

    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("withheld_from_ms", BIG, nullable=True))
        batch_op.create_index(batch_op.f("ix_device_place_id"), ["place_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_device_place_id_place"), "place", ["place_id"], ["place_id"]
        )

    with op.batch_alter_table("enrolment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place_id", sa.String(), nullable=True))

    with op.batch_alter_table("gateway", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place_id", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_gateway_place_id"), ["place_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_gateway_place_id_place"), "place", ["place_id"], ["place_id"]
        )

    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("grant_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("second_factor", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("confirmed_ms", BIG, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_login_session_grant_id_role_grant"),
            "role_grant",
            ["grant_id"],
            ["grant_id"],
        )

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("personal", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("place_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("place_given", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("merged_into", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("restricted_ms", BIG, nullable=True))
        batch_op.add_column(sa.Column("erased_ms", BIG, nullable=True))
        batch_op.add_column(sa.Column("created_by", sa.String(), nullable=False, server_default=""))
        batch_op.create_index(batch_op.f("ix_person_merged_into"), ["merged_into"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_place_id"), ["place_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_person_merged_into_person"), "person", ["merged_into"], ["person_id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_person_place_id_place"), "place", ["place_id"], ["place_id"]
        )

    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place_id", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_programme_place_id"), ["place_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_programme_place_id_place"), "place", ["place_id"], ["place_id"]
        )

    with op.batch_alter_table("account") as batch_op:
        batch_op.drop_constraint(op.f("ck_account_role"), type_="check")
        batch_op.create_check_constraint(op.f("ck_account_role"), ROLES_NOW)

    _refuse_changes_of_audit()
    _give_roles()


def downgrade() -> None:

    _allow_changes_of_audit()
    op.execute(
        f"UPDATE account SET role = 'administrator', disabled_ms = created_ms WHERE NOT ({ROLES_BEFORE})"  # noqa: S608
    )

    with op.batch_alter_table("account") as batch_op:
        batch_op.drop_constraint(op.f("ck_account_role"), type_="check")
        batch_op.create_check_constraint(op.f("ck_account_role"), ROLES_BEFORE)

    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_programme_place_id_place"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_programme_place_id"))
        batch_op.drop_column("place_id")

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_person_place_id_place"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_person_merged_into_person"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_person_place_id"))
        batch_op.drop_index(batch_op.f("ix_person_merged_into"))
        batch_op.drop_column("created_by")
        batch_op.drop_column("erased_ms")
        batch_op.drop_column("restricted_ms")
        batch_op.drop_column("merged_into")
        batch_op.drop_column("place_given")
        batch_op.drop_column("place_id")
        batch_op.drop_column("personal")

    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_login_session_grant_id_role_grant"), type_="foreignkey"
        )
        batch_op.drop_column("confirmed_ms")
        batch_op.drop_column("second_factor")
        batch_op.drop_column("grant_id")

    with op.batch_alter_table("gateway", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_gateway_place_id_place"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_gateway_place_id"))
        batch_op.drop_column("place_id")

    with op.batch_alter_table("enrolment", schema=None) as batch_op:
        batch_op.drop_column("place_id")

    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_device_place_id_place"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_device_place_id"))
        batch_op.drop_column("withheld_from_ms")
        batch_op.drop_column("place_id")

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_person_id"))
        batch_op.drop_column("password_temporary")
        batch_op.drop_column("totp_last_step")
        batch_op.drop_column("totp_confirmed_ms")
        batch_op.drop_column("totp")

    op.drop_index(op.f("ix_security_key_account_id"))

    op.drop_table("security_key")
    op.drop_index(op.f("ix_role_grant_place_id"))
    op.drop_index(op.f("ix_role_grant_account_id"))

    op.drop_table("role_grant")
    op.drop_index(op.f("ix_recovery_code_account_id"))

    op.drop_table("recovery_code")
    op.drop_index(op.f("ix_login_step_expires_ms"))

    op.drop_table("login_step")
    op.drop_index(
        "ix_break_glass_unreviewed",
        sqlite_where=sa.text("reviewed_ms IS NULL"),
        postgresql_where=sa.text("reviewed_ms IS NULL"),
    )
    op.drop_index(op.f("ix_break_glass_person_id"))
    op.drop_index(op.f("ix_break_glass_account_id"))

    op.drop_table("break_glass")
    op.drop_index(op.f("ix_subject_request_person_id"))

    op.drop_table("subject_request")
    op.drop_index(op.f("ix_person_proxy_proxy_person_id"))
    op.drop_index(op.f("ix_person_proxy_person_id"))

    op.drop_table("person_proxy")
    op.drop_index(op.f("ix_person_pair_person_b"))

    op.drop_table("person_pair")
    op.drop_index(op.f("ix_person_merge_merged_person_id"))
    op.drop_index(op.f("ix_person_merge_into_person_id"))

    op.drop_table("person_merge")
    op.drop_index("ix_person_identifier_value")
    op.drop_index(op.f("ix_person_identifier_person_id"))

    op.drop_table("person_identifier")
    op.drop_index(op.f("ix_household_member_person_id"))
    op.drop_index(op.f("ix_household_member_household_id"))

    op.drop_table("household_member")
    op.drop_index(op.f("ix_export_person_id"))

    op.drop_table("export")
    op.drop_index(op.f("ix_entry_code_person_id"))

    op.drop_table("entry_code")
    op.drop_index(
        "ux_consent_open",
        sqlite_where=sa.text("withdrawn_ms IS NULL"),
        postgresql_where=sa.text("withdrawn_ms IS NULL"),
    )
    op.drop_index(op.f("ix_consent_person_id"))

    op.drop_table("consent")
    op.drop_index(op.f("ix_place_successor_successor_id"))

    op.drop_table("place_successor")
    op.drop_index("ix_place_ancestor_ancestor_id")

    op.drop_table("place_ancestor")
    op.drop_index(op.f("ix_household_place_id"))

    op.drop_table("household")
    op.drop_index(op.f("ix_retention_run_at_ms"))

    op.drop_table("retention_run")
    op.drop_table("retention_rule")
    op.drop_index("ix_reading_attribution_reading_id")

    op.drop_table("reading_attribution")
    op.drop_index(op.f("ix_place_parent_id"))
    op.drop_index(op.f("ix_place_folded"))
    op.drop_index(op.f("ix_place_code"))

    op.drop_table("place")
    op.drop_index("ix_person_token_person_id")

    op.drop_table("person_token")
    op.drop_index("ix_audit_person")
    op.drop_index("ix_audit_at")
    op.drop_index("ix_audit_actor")

    op.drop_table("audit")
    op.drop_index(op.f("ix_attempts_updated_ms"))

    op.drop_table("attempts")
