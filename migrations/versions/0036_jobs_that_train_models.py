"""jobs that train models, and what came out"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import UtcDateTime

revision = "0036"
down_revision = "0035"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "training_jobs",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("staff_id", ID),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("error", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("worker", sa.String(40), nullable=False),
        sa.Column("lease_until", MOMENT),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("began_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_training_jobs_staff_id_staff"),
        sa.PrimaryKeyConstraint("id", name="pk_training_jobs"),
    )
    for state, columns in (("running", ["state"]), ("queued", ["kind", "dataset", "model"])):
        where = sa.text(f"state = '{state}'")
        op.create_index(
            f"uq_training_jobs_{state}",
            "training_jobs",
            columns,
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )
    op.create_table(
        "trained_models",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("removed_at", MOMENT),
        sa.PrimaryKeyConstraint("name", name="pk_trained_models"),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("sets", sa.JSON(), nullable=False),
        sa.Column("stories", sa.JSON(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("load_seconds", sa.Float(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["training_jobs.id"], name="fk_evaluations_job_id_training_jobs"),
        sa.ForeignKeyConstraint(
            ["model"], ["trained_models.name"], name="fk_evaluations_model_trained_models"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
        sa.UniqueConstraint("job_id", "model", name="uq_evaluations_job_id_model"),
    )
    op.create_index("ix_evaluations_model", "evaluations", ["model"])


def downgrade() -> None:
    for table in ("evaluations", "trained_models", "training_jobs"):
        op.drop_table(table)
