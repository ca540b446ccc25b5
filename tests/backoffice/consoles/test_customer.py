"""What stands beside a conversation: the customer's things, masked until somebody says why."""

from datetime import date

import pytest
from fastapi import FastAPI, Request

from backoffice.consoles.customer import gather, sections, unmask
from backoffice.consoles.suggest import suggestions
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk import thread
from backoffice.events import audit
from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.schemas import Arrival, Decision, Parcel, Plan
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.time import now
from backoffice.knowledge import service as knowledge
from backoffice.staff import replies
from backoffice.staff import service as staff
from backoffice.staff.models import StaffMember
from backoffice.staff.schemas import NewCannedReply
from backoffice.trade import service as trade
from backoffice.users.identity import Shopper
from tests.backoffice.conversations.at_desk import ANNA, queued
from tests.backoffice.factories import OWNER, STRANGER, Shop


@pytest.fixture
async def shop(database: Database) -> Shop:
    shop = Shop(database)
    await shop.open()
    async with database.write() as session:
        session.add(StaffMember(id=ANNA, login="anna", name="安娜", role="agent", password_hash=""))
    return shop


async def visiting(database: Database) -> Visit:
    app = FastAPI()
    app.state.database = database
    async with database.read() as session:
        who = await staff.member(session, ANNA)
    return Visit(app, Request({"type": "http", "headers": []}), who, Words())


async def open_thread(database: Database, conversation: str) -> thread.Thread:
    async with database.read() as session:
        return await thread.read(session, conversation, ())


async def test_a_customers_things_are_shown_masked_and_nobody_elses(database: Database, shop: Shop) -> None:
    mine, anothers = await shop.order("delivered"), await shop.order("paid", customer=STRANGER)
    conversation = await queued(database, "s1", customer=OWNER)
    await queued(database, "s2", customer=OWNER)
    visit = await visiting(database)
    dossier = await gather(visit, await open_thread(database, conversation), 5)
    assert [order.number for order in dossier.orders] == [mine]
    assert len(dossier.earlier) == 1
    rows = sections(visit.words, dossier, open_masks=False, may_act=True, moment=now())
    shown = "".join(rows.values())
    assert "154****0001" in shown
    assert "15400000001" not in shown
    assert anothers not in shown
    assert f"open_return:{mine}" in shown
    quiet = sections(visit.words, dossier, open_masks=False, may_act=False, moment=now())
    assert 'data-do="errand"' not in "".join(quiet.values())
    assert "15400000001" in sections(visit.words, dossier, True, False, now())["profile"]


async def test_an_order_shows_how_it_was_planned_where_that_is_kept(database: Database, shop: Shop) -> None:
    planned, unplanned = await shop.order("paid"), await shop.order("delivered")
    arrives = Arrival(
        leaves_on=date(2026, 12, 1), arrives_from=date(2026, 12, 3), arrives_to=date(2026, 12, 4)
    )
    parcel = Parcel(location_id=1, location="仓", picks=[], distance_km=80, **arrives.model_dump())
    why = Decision(strategy="cost", rules=[], rounds=[], infeasible=[])
    conversation = await queued(database, "s1", customer=OWNER)
    visit = await visiting(database)
    async with database.write() as session:
        ids = await trade.order_ids(session, Shopper(OWNER, conversation))
        order_id = next(id for id, number in ids.items() if number == planned)
        await planning.record(
            session, order_id, Plan(promise="standard", hour=now(), parcels=[parcel], decision=why)
        )
    dossier = await gather(visit, await open_thread(database, conversation), 5)
    assert dossier.planned == {planned: order_id}
    shown = sections(visit.words, dossier, open_masks=False, may_act=False, moment=now())
    assert 'data-do="plan"' in shown[f"order{planned}"]
    assert 'data-do="plan"' not in shown[f"order{unplanned}"]


async def test_a_visitor_has_nothing_but_an_explanation(database: Database, shop: Shop) -> None:
    visit = await visiting(database)
    dossier = await gather(visit, await open_thread(database, await queued(database)), 5)
    rows = sections(visit.words, dossier, False, True, now())
    assert visit.words("unknown_customer") in rows["profile"]
    assert not dossier.orders


async def test_unmasking_needs_a_reason_and_is_on_record(database: Database, shop: Shop) -> None:
    visit = await visiting(database)
    with pytest.raises(Invalid, match="reason_needed"):
        await unmask(visit, OWNER, "  ")
    await unmask(visit, OWNER, "核对收件人")
    async with database.read() as session:
        [entry] = await audit.entries(session, f"customer:{OWNER}")
    assert (entry.action, entry.staff_id, entry.reason) == ("unmasked", ANNA, "核对收件人")


async def test_suggestions_do_nothing_and_come_from_articles_first(database: Database, shop: Shop) -> None:
    visit = await visiting(database)
    async with database.write() as session:
        await knowledge.load(session)
        new = NewCannedReply(shortcut="back", title="退货运费谁出", text="质量问题的退货运费由我们承担。")
        await replies.add(session, visit.who, new)
    conversation = await queued(database)
    async with database.write() as session:
        await desk.claim(session, conversation, ANNA)
    before = await open_thread(database, conversation)
    asked = before.model_copy(update={"lines": [before.lines[0].model_copy(update={"text": "退货运费谁出"})]})
    async with database.read() as session:
        found = await suggestions(session, visit.who, asked)
    assert {each.source for each in found} == {"article", "canned"}
    assert found[0].source == "article"
    assert await open_thread(database, conversation) == before


async def test_a_problem_is_told_in_words(database: Database, shop: Shop) -> None:
    visit = await visiting(database)
    assert visit.explain(Conflict("already_taken")) == visit.words("problem.already_taken")
    assert "一条消息最多" in visit.explain(Invalid("too_long"))
    assert "strange" in visit.explain(Invalid("strange"))
