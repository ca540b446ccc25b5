"""training data"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_table(
        "dataset_revisions",
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("staff_id", Id, nullable=True),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], "fk_dataset_revisions_staff_id_staff"),
        sa.PrimaryKeyConstraint("number", name="pk_dataset_revisions"),
    )
    op.create_table(
        "dataset_files",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_dataset_files"),
    )


def downgrade() -> None:
    op.drop_table("dataset_files")
    op.drop_table("dataset_revisions")
