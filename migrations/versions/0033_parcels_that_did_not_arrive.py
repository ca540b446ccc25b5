"""parcels that did not arrive"""

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import UtcDateTime

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    for name in ("shelved_at", "paid_back_at"):
        op.add_column("shipments", sa.Column(name, UtcDateTime(timezone=True)))
    op.execute(
        "UPDATE shipments SET shelved_at = state_at, paid_back_at = state_at WHERE state = 'returned'"
        " AND order_id IN (SELECT id FROM orders WHERE state = 'cancelled')"
    )


def downgrade() -> None:
    for name in ("paid_back_at", "shelved_at"):
        op.drop_column("shipments", name)
