"""The shopper of the open conversation: who they are, masked, and what they bought, sent back and asked."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nicegui import ui

from backoffice.consoles.inbox import clock
from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, join, span, tag
from backoffice.consoles.session import HOME
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.conversations import cases
from backoffice.conversations.desk import inbox
from backoffice.conversations.desk.thread import Thread
from backoffice.conversations.schemas import CaseView, Summary
from backoffice.events import audit
from backoffice.fulfillment.planning import service as planning
from backoffice.kit.errors import Invalid
from backoffice.kit.masking import mask_name, mask_phone
from backoffice.kit.messages import catalogue
from backoffice.kit.money import yuan
from backoffice.kit.paging import Page
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.returns import service as returns
from backoffice.returns.schemas import PhotoView, ReturnView
from backoffice.trade import service as trade
from backoffice.trade.schemas import OrderView, Step
from backoffice.users import identities
from backoffice.users import service as users
from backoffice.users.identity import Shopper
from backoffice.users.schemas import CustomerView, IdentityView, PointsView

ORDERS_AT_ONCE = 5
LOOKED_BACK = timedelta(days=90)
OFTEN, SHARE = 3, 0.5
UNMASKED = "unmasked"


@dataclass
class Dossier:
    """All that the pane shows; empty lists for a visitor we do not know.

    `planned`: number to id of the orders of which it is kept how they were planned.
    """

    person: CustomerView | None = None
    points: PointsView | None = None
    identities: list[IdentityView] = field(default_factory=list)
    orders: list[OrderView] = field(default_factory=list)
    orders_total: int = 0
    planned: dict[str, int] = field(default_factory=dict)
    returns: list[ReturnView] = field(default_factory=list)
    cases: list[CaseView] = field(default_factory=list)
    earlier: list[Summary] = field(default_factory=list)


def shopper(found: Thread) -> Shopper:
    return Shopper(found.customer_id, found.id)


async def gather(visit: Visit, found: Thread, orders: int) -> Dossier:
    dossier, who = Dossier(), shopper(found)
    async with visit.database.read() as session:
        listed = await trade.orders(session, who, None, Page(limit=orders))
        dossier.orders, dossier.orders_total = listed.orders, listed.total
        ids = await trade.order_ids(session, who)
        kept = await planning.decided(session, ids)
        dossier.planned = {number: id for id, number in ids.items() if id in kept}
        dossier.returns = (await returns.returns(session, who, None)).returns
        dossier.cases = (await cases.cases(session, who)).cases
        if found.customer_id is not None:
            known = await users.customers(session, [found.customer_id])
            dossier.person = known.get(found.customer_id)
            dossier.points = await users.points(session, found.customer_id)
            dossier.identities = await identities.identities(session, found.customer_id)
            dossier.earlier = [
                each for each in await inbox.of_customer(session, found.customer_id) if each.id != found.id
            ]
    return dossier


async def unmask(visit: Visit, customer_id: int, reason: str) -> None:
    """Put on record that this person wants to see a customer's name and phone, and why.

    Raises `Invalid` (`reason_needed`).
    """
    reason = reason.strip()
    if len(reason) < 2:
        raise Invalid("reason_needed")
    async with visit.database.write() as session:
        await audit.record(session, visit.who.id, UNMASKED, f"customer:{customer_id}", reason[:200])


def profile(words: Words, dossier: Dossier, open_masks: bool) -> Markup:
    person, points = dossier.person, dossier.points
    if person is None:
        return div("slab", tag("h2", "", words("customer")), div("quiet-text", words("unknown_customer")))
    name = person.name if open_masks else mask_name(person.name)
    phone = person.phone if open_masks else mask_phone(person.phone)
    level = words.known("level", person.level)
    see = NOTHING if open_masks else button("unmask", words("unmask"), kind="link")
    facts = [
        fact(words("phone"), join([phone, see], " ")),
        fact(words("level.label"), level),
        fact(words("points"), f"{points.points:,}" if points else ""),
    ]
    known_as = [
        span("chip channel", words.known("channel", each.channel), title=words(f"proof.{each.proof}"))
        for each in dossier.identities
    ]
    channels = fact(words("bound"), join(known_as, " ")) if known_as else NOTHING
    return div(
        "slab person-block",
        tag("h2", "person-name", name, span(f"level {person.level}", level)),
        tag("dl", "facts", *facts, channels),
    )


def fact(name: str, value: str) -> Markup:
    return join([tag("dt", "", name), tag("dd", "", value)])


def risk(words: Words, dossier: Dossier, moment: datetime) -> Markup:
    """What stands out in the last 90 days, from orders and returns alone."""
    if dossier.person is None:
        return NOTHING
    bought = [each for each in dossier.orders if each.placed_at > moment - LOOKED_BACK]
    sent_back = [each for each in dossier.returns if each.requested_at > moment - LOOKED_BACK]
    back = sum(each.amount_fen for each in sent_back)
    often = len(sent_back) >= OFTEN and len(sent_back) >= SHARE * max(len(bought), 1)
    line = words("risk.line", orders=len(bought), returns=len(sent_back), amount=yuan(back))
    return div(
        "slab risk often" if often else "slab risk",
        span("dot-mark", ""),
        span("", line),
        span("chip urgent", words("risk.often")) if often else NOTHING,
    )


def step_label(words: Words, label: str) -> str:
    """A step's name in the language of the page; services say it in Chinese."""
    for room in ("trade", "returns"):
        for code, said in catalogue(room)["steps"].items():
            if said == label:
                return str(catalogue(room, words.language)["steps"][code])
    return label


def progress(words: Words, steps: list[Step]) -> Markup:
    shown = []
    for step in steps:
        at = NOTHING
        if step.at:
            local = step.at.astimezone(SHOP_ZONE)
            at = tag("time", "", f"{local:%m-%d}", title=f"{local:%m-%d %H:%M}")
        label = span("", step_label(words, step.label))
        shown.append(tag("li", "done" if step.done else "", label, at))
    return tag("ol", "progress", *shown)


def order_card(words: Words, order: OrderView, may_act: bool, planned: bool = False) -> Markup:
    state = catalogue("trade", words.language)["states"].get(order.state, order.state_label)
    verbs = []
    if order.can.get("cancel"):
        verbs.append("cancel_order")
    if order.can.get("change_address"):
        verbs.append("change_address")
    if order.state in ("delivered", "completed"):
        verbs.append("open_return")
    if order.state in ("paid", "shipped", "delivered", "completed"):
        verbs.append("refund")
    buttons = [
        button("errand", words(f"errand.{verb}.verb"), kind="button small", value=f"{verb}:{order.number}")
        for verb in (verbs if may_act else [])
    ]
    if planned:
        buttons.append(button("plan", words("order.plan"), kind="button small", value=order.number))
    items = [
        div("item-of-order", span("", line.name), span("quiet-text", f"{line.variant} × {line.quantity}"))
        for line in order.lines
    ]
    facts = words("order.facts", receiver=order.receiver, phone=order.phone, city=order.city)
    return tag(
        "details",
        "slab order",
        tag(
            "summary",
            "",
            span(f"state {order.state}", state),
            span("number", f"…{order.number[-6:]}", title=order.number),
            span("grow"),
            span("amount", yuan(order.total_fen)),
            tag("time", "", f"{order.placed_at.astimezone(SHOP_ZONE):%m-%d}"),
        ),
        progress(words, order.progress),
        *items,
        div("quiet-text", facts, " · ", order.number),
        *(
            div(
                "refund-line",
                words("order.refund", amount=yuan(each.amount_fen)),
                " · ",
                str(catalogue("trade", words.language)["refunds"].get(each.state, each.state_label)),
            )
            for each in order.refunds
        ),
        div("verbs", *buttons) if buttons else NOTHING,
        data_keep=order.number,
    )


def photo(words: Words, one: PhotoView) -> Markup:
    address = f"{HOME}/returns/photos/{one.id}"
    image = tag("img", "", src=f"{address}?thumbnail=1", alt=words("picture"), loading="lazy")
    return tag("a", "picture", image, href=address, target="_blank", rel="noopener")


def return_card(words: Words, one: ReturnView) -> Markup:
    said = catalogue("returns", words.language)
    facts = [said["reasons"][one.reason], said["postage"][one.postage]]
    if one.postage_fen:
        facts.append(yuan(one.postage_fen))
    sent = [f"{each.carrier.upper()} {each.number}" for each in one.parcels]
    return div(
        "slab return",
        div(
            "line-of-two",
            span("", f"{said['kinds'][one.kind]} · {one.item}"),
            span("amount", yuan(one.amount_fen) if one.amount_fen else ""),
        ),
        div("quiet-text", f"{said['states'].get(one.state, one.state_label)} · {one.number}"),
        div("quiet-text", " · ".join(facts + sent)),
        progress(words, one.progress),
        div("photos", *(photo(words, each) for each in one.photos)) if one.photos else NOTHING,
    )


def sections(
    words: Words, dossier: Dossier, open_masks: bool, may_act: bool, moment: datetime
) -> dict[str, Markup]:
    rows = {"profile": profile(words, dossier, open_masks), "risk": risk(words, dossier, moment)}
    if dossier.orders:
        rows["orders"] = tag("h2", "heading", words("orders"), span("count", str(dossier.orders_total)))
        rows |= {
            f"order{each.number}": order_card(words, each, may_act, each.number in dossier.planned)
            for each in dossier.orders
        }
        if dossier.orders_total > len(dossier.orders):
            left = dossier.orders_total - len(dossier.orders)
            rows["orders_more"] = button("orders", words("more", left=left), kind="button wide")
    elif dossier.person is not None:
        rows["orders"] = tag("h2", "heading", words("orders"))
        rows["orders_none"] = div("quiet-text pad", words("no_orders"))
    if dossier.returns:
        rows["returns"] = tag("h2", "heading", words("returns"), span("count", str(len(dossier.returns))))
        rows |= {f"return{each.number}": return_card(words, each) for each in dossier.returns[:3]}
    if dossier.cases:
        rows["cases"] = tag("h2", "heading", words("cases"), span("count", str(len(dossier.cases))))
        rows |= {
            f"case{each.number}": div(
                "slab",
                div("line-of-two", span("", words.known("case", each.kind)), span("quiet-text", each.number)),
                div("", each.text[:140]),
            )
            for each in dossier.cases[:3]
        }
    if dossier.earlier:
        rows["earlier"] = tag("h2", "heading", words("earlier"), span("count", str(len(dossier.earlier))))
        rows |= {
            f"earlier{each.id}": button(
                "open",
                div(
                    "line-of-two",
                    span("", words.known("channel", each.channel)),
                    tag("time", "", clock(each.updated_at, moment)),
                ),
                div("quiet-text clip", each.last_line[:60] or words("no_text")),
                kind="slab earlier",
                value=each.id,
            )
            for each in dossier.earlier[:8]
        }
    return rows


class Customer:
    """The pane of the open conversation's shopper."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._masks_open_for: int | None = None
        self._orders = ORDERS_AT_ONCE
        self.dossier = Dossier()

    def build(self) -> None:
        words = self._visit.words
        with ui.element("section").classes("pane customer").props(f'aria-label="{words("customer")}"'):
            ui.html(
                div(
                    "pane-top",
                    button("talk", "‹", kind="button back", aria_label=words("back")),
                    span("", words("customer_card")),
                ),
                sanitize=False,
            ).classes("only-narrow")
            with ui.element("div").classes("cards") as cards:
                self._rows = Rows(cards, "card-row")

    def close(self) -> None:
        """Another conversation: what was unmasked is masked again."""
        self._masks_open_for, self._orders = None, ORDERS_AT_ONCE

    def more_orders(self) -> None:
        self._orders = min(self._orders + 10, 100)

    def open_masks(self, customer_id: int) -> None:
        self._masks_open_for = customer_id

    async def refresh(self, found: Thread | None) -> None:
        if found is None:
            self._rows.show({})
            return
        self.dossier = await gather(self._visit, found, self._orders)
        open_masks = found.customer_id is not None and self._masks_open_for == found.customer_id
        may_act = found.owner == "agent" and found.agent_id == self._visit.who.id
        self._rows.show(sections(self._visit.words, self.dossier, open_masks, may_act, now()))
