"""pictures found by the messages that show them"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index(
        "ix_messages_attachment_id",
        "messages",
        ["attachment_id"],
        postgresql_where=sa.text("attachment_id IS NOT NULL"),
        sqlite_where=sa.text("attachment_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_messages_attachment_id", table_name="messages")
