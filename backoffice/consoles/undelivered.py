"""What did not reach its shopper, and what can be done about it."""

from datetime import timedelta

from nicegui import ui

from backoffice.consoles.inbox import clock
from backoffice.consoles.layout import Place, style
from backoffice.consoles.markup import Markup, div, span, tag
from backoffice.consoles.session import HOME
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.conversations.delivery import service as delivery
from backoffice.conversations.delivery.service import Undelivered
from backoffice.kit.masking import mask_name, mask_phones
from backoffice.kit.time import now
from backoffice.users import service as users

PLACE = Place("/undelivered", "undelivered")
KEPT_DAYS = 7
PAGE_SIZE = 50
LAST_PAGE = 10_000


async def build(visit: Visit) -> None:
    style("supervising.css")
    words, moment = visit.words, now()
    asked = visit.request.query_params.get("page", "1")
    page = min(max(int(asked), 1), LAST_PAGE) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    async with visit.database.read() as session:
        since = moment - timedelta(days=KEPT_DAYS)
        found, total = await delivery.undelivered(session, since, PAGE_SIZE, (page - 1) * PAGE_SIZE)
        known = await users.customers(session, [each.customer_id for each in found if each.customer_id])
    names = {key: mask_name(customer.name) for key, customer in known.items()}
    with ui.element("main").classes("reports"):
        title = words("undelivered.title", days=KEPT_DAYS, total=total)
        ui.html(tag("h1", "page-title", title), sanitize=False)
        if not found:
            empty = div(
                "empty", div("empty-mark", "📬", aria_hidden="true"), div("", words("undelivered.none"))
            )
            ui.html(empty, sanitize=False)
        shown = (item(words, each, names, clock(each.at, moment)) for each in found)
        ui.html(div("undelivered-list", *shown), sanitize=False)
        ui.html(pages(words, page, total), sanitize=False)


def item(words: Words, each: Undelivered, names: dict[int, str], at: str) -> Markup:
    reason = "unknown" if each.state == "unknown" else each.reason
    fallback = words("failure.other", code=reason)
    customer = names.get(each.customer_id or 0) or words("visitor", tail=each.conversation_id[-4:])
    return tag(
        "a",
        f"panel undelivered-item {each.state}",
        div(
            "agent-top",
            span(f"wait {'over' if each.state == 'failed' else 'near'}", words(f"delivery.{each.state}")),
            span("name", customer),
            span("chip", words.known("channel", each.channel)),
            span("grow"),
            span("quiet-text", at),
        ),
        div("said clip", f"{words.known('author', each.author)}：{mask_phones(each.text)[:160]}"),
        div("why", words.known("failure", reason, fallback)),
        href=f"{HOME}/conversations/{each.conversation_id}",
    )


def pages(words: Words, page: int, total: int) -> Markup:
    """Links to the pages before and after, where there are some."""
    links = []
    if page > 1:
        links.append(tag("a", "button", words("page.newer"), href=f"?page={page - 1}"))
    if page * PAGE_SIZE < total:
        links.append(tag("a", "button", words("page.older"), href=f"?page={page + 1}"))
    return div("pages", *links)
