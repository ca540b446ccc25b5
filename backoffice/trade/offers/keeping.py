"""Promotions and coupons as admins keep them; every change is a new version, and on record."""

from typing import Any

from backoffice.catalog import service as catalog
from backoffice.events import audit
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now
from backoffice.trade.offers import repository
from backoffice.trade.offers.models import OfferVersion, StoredOffer
from backoffice.trade.offers.schemas import (
    ChangedOffer,
    KeptOffer,
    NewOffer,
    OfferDetail,
    OfferFilter,
    Offers,
    OfferView,
    VersionView,
)
from backoffice.trade.offers.service import TERMS
from backoffice.trade.offers.words import in_words


async def page(session: ReadSession, wanted: OfferFilter) -> Offers:
    found, total = await repository.page(session, wanted.source, wanted.active, wanted)
    return Offers(offers=[OfferView(**view(*row)) for row in found], total=total)


async def detail(session: ReadSession, offer_id: int) -> OfferDetail:
    """Raises `NotFound` (`offer_not_found`)."""
    stored, running = await known(session, offer_id)
    versions = [VersionView(**promised(each)) for each in await repository.versions(session, offer_id)]
    orders, off_fen = await repository.counts(session, offer_id)
    return OfferDetail(**view(stored, running), versions=versions, orders=orders, off_fen=off_fen)


async def add(session: WriteSession, staff_id: int, wanted: NewOffer) -> OfferDetail:
    """Raises `Conflict` (`offer_exists`) when the code is taken, `NotFound` (`sku_not_found`: its gift)."""
    await require_gift(session, wanted)
    values = {"code": wanted.code, "source": wanted.source, "quota": wanted.quota}
    limit = per_customer(wanted.source, wanted)
    offer_id = await repository.add(session, **values, per_customer=limit)
    if offer_id is None:
        raise Conflict("offer_exists", "there is an offer of this code")
    await repository.add_version(session, offer_id=offer_id, version=1, **columns(wanted))
    await audit.record(session, staff_id, "offer_added", f"offer:{offer_id}", quota=wanted.quota)
    return await detail(session, offer_id)


async def change(session: WriteSession, staff_id: int, offer_id: int, wanted: ChangedOffer) -> OfferDetail:
    """Go on with other terms; what was quoted or taken before keeps what it was promised.

    Raises `NotFound` (`offer_not_found`, `sku_not_found`), `Invalid` (`quota_kind`: counting neither begins
    nor ends later), `Conflict` (`offer_stopped`, `offer_changed`: by somebody else meanwhile,
    `quota_too_small`: more are taken).
    """
    stored, _ = await known(session, offer_id)
    if (stored.quota is None) != (wanted.quota is None):
        raise Invalid("quota_kind", "an offer has a quota from its beginning, or never")
    await require_gift(session, wanted)
    limit = per_customer(stored.source, wanted)
    if not await repository.change(session, offer_id, wanted.version, wanted.quota, per_customer=limit):
        stored, _ = await known(session, offer_id)
        if not stored.active:
            raise Conflict("offer_stopped", "make a new one")
        if stored.version != wanted.version:
            raise Conflict("offer_changed", "somebody was faster", version=stored.version)
        raise Conflict("quota_too_small", "more are taken", taken=stored.taken)
    await repository.add_version(session, offer_id=offer_id, version=wanted.version + 1, **columns(wanted))
    told: dict[str, Any] = {"version": wanted.version + 1, "quota": wanted.quota}
    await audit.record(session, staff_id, "offer_changed", f"offer:{offer_id}", **told)
    return await detail(session, offer_id)


async def stop(session: WriteSession, staff_id: int, offer_id: int, reason: str) -> OfferDetail:
    """Quote a promotion, or hand out a coupon, no more; a second time nothing happens.

    What was quoted or taken before still counts. Raises `NotFound` (`offer_not_found`).
    """
    if await repository.stop(session, offer_id):
        await audit.record(session, staff_id, "offer_stopped", f"offer:{offer_id}", reason)
    return await detail(session, offer_id)


async def known(session: ReadSession, offer_id: int) -> tuple[StoredOffer, OfferVersion]:
    found = await repository.offer(session, offer_id)
    if found is None:
        raise NotFound("offer_not_found")
    return found


async def require_gift(session: ReadSession, wanted: KeptOffer) -> None:
    rule = wanted.terms.rule
    if rule.kind == "gift" and not await catalog.skus(session, [rule.sku_id]):
        raise NotFound("sku_not_found", "the gift is not sold here")


def per_customer(source: str, wanted: KeptOffer) -> int | None:
    return 1 if source == "coupon" or wanted.terms.first_order else wanted.per_customer


def columns(wanted: KeptOffer) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "starts_at": wanted.starts_at,
        "ends_at": wanted.ends_at,
        "terms": TERMS.dump_python(wanted.terms, mode="json"),
        "at": now(),
    }


def promised(version: OfferVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "name": version.name,
        "starts_at": version.starts_at,
        "ends_at": version.ends_at,
        "terms": TERMS.validate_python(version.terms),
        "at": version.at,
    }


def view(stored: StoredOffer, running: OfferVersion) -> dict[str, Any]:
    told = promised(running)
    del told["at"]
    return told | {
        "id": stored.id,
        "code": stored.code,
        "source": stored.source,
        "active": stored.active,
        "text": in_words(told["terms"]),
        "quota": stored.quota,
        "taken": None if stored.quota is None else stored.taken,
        "per_customer": stored.per_customer,
    }
