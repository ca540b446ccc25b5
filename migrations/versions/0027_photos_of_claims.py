"""photos of claims"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "return_photos",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("return_id", Id, nullable=True),
        sa.Column("media_type", sa.String(40), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("size", "width", "height")),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], "fk_return_photos_return_id_returns"),
        sa.PrimaryKeyConstraint("id", name="pk_return_photos"),
    )
    op.create_index("ix_return_photos_return_id", "return_photos", ["return_id"])
    op.create_index("ix_return_photos_at", "return_photos", ["at"])


def downgrade() -> None:
    """The files are left behind."""
    op.drop_table("return_photos")
