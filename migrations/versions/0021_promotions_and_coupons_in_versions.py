"""promotions and coupons: their rules in versions, their quotas, where they count"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from backoffice.kit.database import Id, UtcDateTime

revision = "0021"
down_revision = "0020"

CLAIMS, BEFORE = "coupon_claims", "coupon_claims_before"
KEY, OF_CUSTOMER = "pk_coupon_claims", "ix_coupon_claims_customer_id"
CUSTOMER = "fk_coupon_claims_customer_id_customers"


def upgrade() -> None:
    op.create_table(
        "offers",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("quota", sa.Integer, nullable=True),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("per_customer", sa.Integer, nullable=True),
        sa.CheckConstraint(
            "taken >= 0 AND (quota IS NULL OR taken <= quota)", name=op.f("ck_offers_quota_kept")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.UniqueConstraint("code", name=op.f("uq_offers_code")),
    )
    op.create_table(
        "offer_versions",
        sa.Column("offer_id", Id, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("terms", sa.JSON, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], op.f("fk_offer_versions_offer_id_offers")),
        sa.PrimaryKeyConstraint("offer_id", "version", name=op.f("pk_offer_versions")),
    )
    op.create_table(
        "redemptions",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("offer_id", Id, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        sa.Column("slot", sa.Integer, nullable=True),
        sa.Column("off_fen", sa.Integer, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("given_back_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], op.f("fk_redemptions_offer_id_offers")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], op.f("fk_redemptions_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemptions")),
        sa.UniqueConstraint(
            "offer_id", "customer_id", "slot", name=op.f("uq_redemptions_offer_id_customer_id_slot")
        ),
    )
    op.create_index("ix_redemptions_order_id", "redemptions", ["order_id"])
    op.create_index("ix_redemptions_customer_id", "redemptions", ["customer_id"])
    op.execute(
        "INSERT INTO offers (id, code, source, version, active, quota, taken, per_customer)"
        " SELECT id, 'coupon-' || id, 'coupon', 1, true, NULL, 0, 1 FROM coupons"
    )
    take_over_terms()
    op.execute(
        "INSERT INTO redemptions (order_id, offer_id, version, customer_id, slot, off_fen, at, given_back_at)"
        " SELECT orders.id, coupons.id, 1, claims.customer_id,"
        " CASE WHEN orders.cancelled_at IS NULL THEN 1 END, coupons.off_fen, orders.placed_at,"
        " orders.cancelled_at FROM coupon_claims AS claims"
        " JOIN coupons ON coupons.id = claims.coupon_id JOIN orders ON orders.id = claims.order_id"
    )
    step_aside()
    make_claims("offers", sa.Column("version", sa.Integer, nullable=False))
    op.execute(
        f"INSERT INTO {CLAIMS} (coupon_id, customer_id, version, claimed_at)"
        f" SELECT coupon_id, customer_id, 1, claimed_at FROM {BEFORE}"
    )
    op.drop_table(BEFORE)
    op.drop_table("coupons")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('offers', 'id'),"
            " coalesce((SELECT max(id) FROM offers), 0) + 1, false)"
        )


def downgrade() -> None:
    op.create_table(
        "coupons",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("threshold_fen", sa.Integer, nullable=False),
        sa.Column("off_fen", sa.Integer, nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
    )
    give_terms_back()
    step_aside()
    make_claims(
        "coupons",
        sa.Column("order_id", Id, nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], op.f("fk_coupon_claims_order_id_orders")),
    )
    op.execute(
        f"INSERT INTO {CLAIMS} (coupon_id, customer_id, order_id, claimed_at)"
        " SELECT coupon_id, customer_id, (SELECT order_id FROM redemptions"
        " WHERE offer_id = coupon_id AND redemptions.customer_id = claims.customer_id"
        f" AND slot IS NOT NULL), claimed_at FROM {BEFORE} AS claims"
        " WHERE coupon_id IN (SELECT id FROM coupons)"
    )
    op.drop_table(BEFORE)
    for table in ("redemptions", "offer_versions", "offers"):
        op.drop_table(table)


def step_aside() -> None:
    """Give up the claims' name, and on PostgreSQL those of what belongs to them, to those that follow."""
    op.drop_index(OF_CUSTOMER, table_name=CLAIMS)
    op.rename_table(CLAIMS, BEFORE)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {BEFORE} RENAME CONSTRAINT {KEY} TO {KEY}_before")


def make_claims(of: str, *more: Any) -> None:
    op.create_table(
        CLAIMS,
        sa.Column("coupon_id", Id, nullable=False),
        sa.Column("customer_id", Id, nullable=False),
        *more,
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["coupon_id"], [f"{of}.id"], op.f(f"fk_coupon_claims_coupon_id_{of}")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], op.f(CUSTOMER)),
        sa.PrimaryKeyConstraint("coupon_id", "customer_id", name=op.f(KEY)),
    )
    op.create_index(OF_CUSTOMER, CLAIMS, ["customer_id"])


def take_over_terms() -> None:
    """Write what coupons take off as rules."""
    versions = sa.table(
        "offer_versions",
        *map(sa.column, ("offer_id", "version", "name", "starts_at", "ends_at")),
        sa.column("terms", sa.JSON),
        sa.column("at"),
    )
    rows = op.get_bind().execute(sa.text("SELECT * FROM coupons ORDER BY id")).mappings().all()
    for row in rows:
        off = min(row["off_fen"], row["threshold_fen"] or row["off_fen"])
        only = {"categories": [row["category"]]} if row["category"] else {}
        step = {"from_fen": row["threshold_fen"], "off_fen": off}
        terms = {"rule": {"kind": "threshold", "steps": [step]}, "only": only, "group": "coupon"}
        window = {"starts_at": row["starts_at"], "ends_at": row["ends_at"], "at": row["starts_at"]}
        values = {"offer_id": row["id"], "version": 1, "name": row["name"], "terms": terms, **window}
        op.get_bind().execute(versions.insert().values(values))


def give_terms_back() -> None:
    """Keep as coupons what a coupon can say: one step, for one category or all."""
    running = sa.text(
        "SELECT offers.id, name, terms, starts_at, ends_at FROM offers JOIN offer_versions"
        " ON offer_id = offers.id AND offer_versions.version = offers.version WHERE source = 'coupon'"
    )
    for row in op.get_bind().execute(running).mappings().all():
        terms = json.loads(row["terms"]) if isinstance(row["terms"], str) else row["terms"]
        if terms["rule"]["kind"] != "threshold":
            continue
        step = terms["rule"]["steps"][0]
        told = {"threshold_fen": step["from_fen"], "off_fen": step["off_fen"]}
        told["category"] = ((terms.get("only") or {}).get("categories") or [""])[0]
        kept = {name: row[name] for name in ("id", "name", "starts_at", "ends_at")} | told
        coupons = sa.table("coupons", *map(sa.column, kept))
        op.get_bind().execute(coupons.insert().values(kept))
