"""First tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _by_month(table: str, key: str) -> list[sa.schema.SchemaItem]:
    """Primary key of a table that PostgreSQL cuts by `received_ms`: it must hold that column."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    columns = (key, "received_ms") if postgresql else (key,)
    return [sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))]


def _identity() -> list[sa.schema.SchemaItem]:
    """PostgreSQL gives no serial to a composite key by itself."""
    return [sa.Identity()] if op.get_bind().dialect.name == "postgresql" else []


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("battery_percent", sa.Integer(), nullable=True),
        sa.Column("connected", sa.Boolean(), nullable=True),
        sa.Column("seen_ms", BIG, nullable=True),
        sa.Column("registered_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device")),
    )
    op.create_table(
        "device_event",
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("received_ms", BIG, nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_device_event")),
    )
    op.create_index(op.f("ix_device_event_device_id"), "device_event", ["device_id"], unique=False)

    op.create_table(
        "enrolment",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.Column("used_ms", BIG, nullable=True),
        sa.Column("gateway_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_enrolment")),
    )
    op.create_table(
        "gateway",
        sa.Column("gateway_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("software", sa.String(), nullable=False),
        sa.Column("enrolled_ms", BIG, nullable=False),
        sa.Column("revoked_ms", BIG, nullable=True),
        sa.Column("seen_ms", BIG, nullable=True),
        sa.PrimaryKeyConstraint("gateway_id", name=op.f("pk_gateway")),
    )
    op.create_table(
        "login_failure",
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until_ms", BIG, nullable=True),
        sa.Column("last_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("login", name=op.f("pk_login_failure")),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", BIG, nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("due_ms", BIG, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_ms", BIG, nullable=True),
        sa.Column("seen_ms", BIG, nullable=True),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_outbox_idempotency_key")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_ms"],
        unique=False,
        sqlite_where=sa.text("sent_ms IS NULL"),
        postgresql_where=sa.text("sent_ms IS NULL"),
    )

    op.create_table(
        "person",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("birth_date", sa.String(), nullable=False),
        sa.Column("sex", sa.String(), nullable=False),
        sa.Column("pregnant", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.CheckConstraint("sex IN ('female', 'male', 'unknown')", name=op.f("ck_person_sex")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person")),
    )
    op.create_table(
        "programme",
        sa.Column("programme_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("rule_pack", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("levels_signed_by", sa.String(), nullable=True),
        sa.Column("levels_signed_on", sa.String(), nullable=True),
        sa.Column("cadence_s", sa.Integer(), nullable=False),
        sa.Column("valid_from_ms", BIG, nullable=False),
        sa.Column("valid_to_ms", BIG, nullable=True),
        sa.CheckConstraint("mode IN ('clinical', 'evaluation')", name=op.f("ck_programme_mode")),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("pk_programme")),
    )
    op.create_table(
        "reading",
        sa.Column("reading_id", BIG, *_identity(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("measured_ms", BIG, nullable=False),
        sa.Column("received_ms", BIG, nullable=False),
        sa.Column("spo2_percent", sa.Float(), nullable=True),
        sa.Column("spo2_min_percent", sa.Float(), nullable=True),
        sa.Column("pulse_per_min", sa.Float(), nullable=True),
        sa.Column("perfusion_index_percent", sa.Float(), nullable=True),
        sa.Column("respiration_per_min", sa.Float(), nullable=True),
        sa.Column("temperature_celsius", sa.Float(), nullable=True),
        sa.Column("systolic_mmhg", sa.Float(), nullable=True),
        sa.Column("diastolic_mmhg", sa.Float(), nullable=True),
        sa.Column("oxygen", sa.String(), nullable=True),
        sa.Column("consciousness", sa.String(), nullable=True),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("quality_share", sa.Float(), nullable=True),
        sa.Column("gate", sa.String(), nullable=False),
        sa.Column("gate_reasons", sa.String(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("news2_lower", sa.Integer(), nullable=True),
        sa.Column("news2_upper", sa.Integer(), nullable=True),
        sa.Column("rule_pack", sa.String(), nullable=True),
        sa.Column("level_table", sa.String(), nullable=True),
        sa.Column("reasons", sa.LargeBinary(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("time_uncertain", sa.Boolean(), nullable=False),
        sa.Column("content_key", sa.LargeBinary(), nullable=False),
        sa.Column("changed_in", BIG, nullable=False),
        *_by_month("reading", "reading_id"),
        postgresql_partition_by="RANGE (received_ms)",
    )
    op.create_index("ix_reading_content", "reading", ["content_key"], unique=False)
    op.create_index("ix_reading_person", "reading", ["person_id", "measured_ms"], unique=False)

    op.create_table(
        "reading_copy",
        sa.Column("copy_id", BIG, nullable=False),
        sa.Column("content_key", sa.LargeBinary(), nullable=False),
        sa.Column("stream_id", BIG, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("received_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("copy_id", name=op.f("pk_reading_copy")),
    )
    op.create_table(
        "refused",
        sa.Column("refused_id", BIG, nullable=False),
        sa.Column("gateway_id", sa.String(), nullable=False),
        sa.Column("stream_id", BIG, nullable=True),
        sa.Column("seq", BIG, nullable=True),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("received_ms", BIG, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("refused_id", name=op.f("pk_refused")),
    )
    op.create_index(op.f("ix_refused_gateway_id"), "refused", ["gateway_id"], unique=False)

    op.create_table(
        "sequence",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sequence")),
    )
    op.create_table(
        "stream_gap",
        sa.Column("gap_id", BIG, nullable=False),
        sa.Column("stream_id", BIG, nullable=False),
        sa.Column("first_seq", BIG, nullable=False),
        sa.Column("last_seq", BIG, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("noticed_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("gap_id", name=op.f("pk_stream_gap")),
    )
    op.create_table(
        "timer",
        sa.Column("timer_id", BIG, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("due_ms", BIG, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("timer_id", name=op.f("pk_timer")),
    )
    op.create_index(op.f("ix_timer_due_ms"), "timer", ["due_ms"], unique=False)
    op.create_index("ux_timer_subject", "timer", ["kind", "subject_id"], unique=True)

    op.create_table(
        "upload",
        sa.Column("upload_id", BIG, *_identity(), nullable=False),
        sa.Column("stream_id", BIG, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("received_ms", BIG, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        *_by_month("upload", "upload_id"),
        postgresql_partition_by="RANGE (received_ms)",
    )
    op.create_table(
        "account",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("programme_id", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("disabled_ms", BIG, nullable=True),
        sa.CheckConstraint(
            "role IN ('doctor', 'patient', 'administrator')", name=op.f("ck_account_role")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_account_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["programme.programme_id"],
            name=op.f("fk_account_programme_id_programme"),
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
    )
    op.create_table(
        "device_loan",
        sa.Column("loan_id", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("from_ms", BIG, nullable=False),
        sa.Column("to_ms", BIG, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name=op.f("ck_device_loan_dates")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.device_id"], name=op.f("fk_device_loan_device_id_device")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_device_loan_person_id_person")
        ),
        sa.PrimaryKeyConstraint("loan_id", name=op.f("pk_device_loan")),
    )
    op.create_index(op.f("ix_device_loan_device_id"), "device_loan", ["device_id"], unique=False)
    op.create_index(op.f("ix_device_loan_person_id"), "device_loan", ["person_id"], unique=False)

    op.create_table(
        "person_state",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("last_reading_ms", BIG, nullable=True),
        sa.Column("changed_in", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_person_state_person_id_person")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_state")),
    )
    op.create_table(
        "stream",
        sa.Column("stream_id", BIG, nullable=False),
        sa.Column("gateway_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("acked", BIG, nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.CheckConstraint("name IN ('live', 'backlog')", name=op.f("ck_stream_name")),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateway.gateway_id"], name=op.f("fk_stream_gateway_id_gateway")
        ),
        sa.PrimaryKeyConstraint("stream_id", name=op.f("pk_stream")),
        sa.UniqueConstraint(
            "gateway_id", "name", "epoch", name=op.f("uq_stream_gateway_id_name_epoch")
        ),
    )
    op.create_table(
        "alert",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("device_id", sa.String(), nullable=True),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        sa.Column("rule_pack", sa.String(), nullable=False),
        sa.Column("level_table", sa.String(), nullable=False),
        sa.Column("awaiting_repeat", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("time_uncertain", sa.Boolean(), nullable=False),
        sa.Column("measured_ms", BIG, nullable=False),
        sa.Column("raised_ms", BIG, nullable=False),
        sa.Column("clock_ms", BIG, nullable=False),
        sa.Column("accepted_ms", BIG, nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.Column("accept_reason", sa.String(), nullable=True),
        sa.Column("review_ms", BIG, nullable=True),
        sa.Column("closed_ms", BIG, nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("close_reason", sa.String(), nullable=True),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.Column("version", BIG, nullable=False),
        sa.Column("changed_in", BIG, nullable=False),
        sa.CheckConstraint("kind IN ('physiological', 'technical')", name=op.f("ck_alert_kind")),
        sa.CheckConstraint("priority IN ('high', 'medium', 'low')", name=op.f("ck_alert_priority")),
        sa.CheckConstraint(
            "status IN ('raised', 'notified', 'accepted', 'acting', 'resolved', 'noise', 'merged')",
            name=op.f("ck_alert_status"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["account.account_id"], name=op.f("fk_alert_owner_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_alert_person_id_person")
        ),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_person_id"), "alert", ["person_id"], unique=False)
    op.create_index(
        "ux_alert_open",
        "alert",
        ["subject_id", "cause"],
        unique=True,
        sqlite_where=sa.text("status IN ('raised', 'notified', 'accepted', 'acting')"),
        postgresql_where=sa.text("status IN ('raised', 'notified', 'accepted', 'acting')"),
    )

    op.create_table(
        "call",
        sa.Column("room_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("doctor_id", sa.String(), nullable=True),
        sa.Column("alert_id", sa.String(), nullable=True),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("requested_ms", BIG, nullable=False),
        sa.Column("accepted_ms", BIG, nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.Column("connected_ms", BIG, nullable=True),
        sa.Column("ended_ms", BIG, nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("changed_in", BIG, nullable=False),
        sa.CheckConstraint(
            "state IN ('requested', 'offered', 'accepted', 'in_session', 'interrupted', 'concluded', 'declined', 'no_show', 'cancelled')",
            name=op.f("ck_call_state"),
        ),
        sa.ForeignKeyConstraint(
            ["doctor_id"], ["account.account_id"], name=op.f("fk_call_doctor_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_call_person_id_person")
        ),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_call")),
    )
    op.create_index(op.f("ix_call_doctor_id"), "call", ["doctor_id"], unique=False)
    op.create_index(op.f("ix_call_person_id"), "call", ["person_id"], unique=False)
    op.create_index(
        "ux_call_open_person",
        "call",
        ["person_id"],
        unique=True,
        sqlite_where=sa.text("ended_ms IS NULL"),
        postgresql_where=sa.text("ended_ms IS NULL"),
    )

    op.create_table(
        "f0_case",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("programme_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("assigned_doctor_id", sa.String(), nullable=True),
        sa.Column("onset_date", sa.String(), nullable=True),
        sa.Column("opened_ms", BIG, nullable=False),
        sa.Column("closed_ms", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["assigned_doctor_id"],
            ["account.account_id"],
            name=op.f("fk_f0_case_assigned_doctor_id_account"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_f0_case_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["programme.programme_id"],
            name=op.f("fk_f0_case_programme_id_programme"),
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_f0_case")),
    )
    op.create_index(
        op.f("ix_f0_case_assigned_doctor_id"), "f0_case", ["assigned_doctor_id"], unique=False
    )
    op.create_index(op.f("ix_f0_case_person_id"), "f0_case", ["person_id"], unique=False)
    op.create_index(
        "ux_case_open_person",
        "f0_case",
        ["person_id"],
        unique=True,
        sqlite_where=sa.text("closed_ms IS NULL"),
        postgresql_where=sa.text("closed_ms IS NULL"),
    )

    op.create_table(
        "login_session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("used_ms", BIG, nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name=op.f("fk_login_session_account_id_account")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_login_session")),
    )
    op.create_index(
        op.f("ix_login_session_account_id"), "login_session", ["account_id"], unique=False
    )

    op.create_table(
        "alert_event",
        sa.Column("event_id", BIG, nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("actor_id", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alert.alert_id"], name=op.f("fk_alert_event_alert_id_alert")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_alert_event")),
    )
    op.create_index(op.f("ix_alert_event_alert_id"), "alert_event", ["alert_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("reading", "upload"):
            op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def downgrade() -> None:
    op.drop_index(op.f("ix_alert_event_alert_id"))

    op.drop_table("alert_event")
    op.drop_index(op.f("ix_login_session_account_id"))

    op.drop_table("login_session")
    op.drop_index(
        "ux_case_open_person",
        sqlite_where=sa.text("closed_ms IS NULL"),
        postgresql_where=sa.text("closed_ms IS NULL"),
    )
    op.drop_index(op.f("ix_f0_case_person_id"))
    op.drop_index(op.f("ix_f0_case_assigned_doctor_id"))

    op.drop_table("f0_case")
    op.drop_index(
        "ux_call_open_person",
        sqlite_where=sa.text("ended_ms IS NULL"),
        postgresql_where=sa.text("ended_ms IS NULL"),
    )
    op.drop_index(op.f("ix_call_person_id"))
    op.drop_index(op.f("ix_call_doctor_id"))

    op.drop_table("call")
    op.drop_index(
        "ux_alert_open",
        sqlite_where=sa.text("status IN ('raised', 'notified', 'accepted', 'acting')"),
        postgresql_where=sa.text("status IN ('raised', 'notified', 'accepted', 'acting')"),
    )
    op.drop_index(op.f("ix_alert_person_id"))

    op.drop_table("alert")
    op.drop_table("stream")
    op.drop_table("person_state")
    op.drop_index(op.f("ix_device_loan_person_id"))
    op.drop_index(op.f("ix_device_loan_device_id"))

    op.drop_table("device_loan")
    op.drop_table("account")
    op.drop_table("upload")
    op.drop_index("ux_timer_subject")
    op.drop_index(op.f("ix_timer_due_ms"))

    op.drop_table("timer")
    op.drop_table("stream_gap")
    op.drop_table("sequence")
    op.drop_index(op.f("ix_refused_gateway_id"))

    op.drop_table("refused")
    op.drop_table("reading_copy")
    op.drop_index("ix_reading_person")
    op.drop_index("ix_reading_content")

    op.drop_table("reading")
    op.drop_table("programme")
    op.drop_table("person")
    op.drop_index(
        "ix_outbox_due",
        sqlite_where=sa.text("sent_ms IS NULL"),
        postgresql_where=sa.text("sent_ms IS NULL"),
    )

    op.drop_table("outbox")
    op.drop_table("login_failure")
    op.drop_table("gateway")
    op.drop_table("enrolment")
    op.drop_index(op.f("ix_device_event_device_id"))

    op.drop_table("device_event")
    op.drop_table("device")
