"""The list of conversations: who waits how long, whose it is, what is new; filters and search."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, get_args

from nicegui import ui

from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, span, tag
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.conversations.desk import inbox
from backoffice.conversations.desk.schemas import Filter, View
from backoffice.conversations.schemas import Summary
from backoffice.kit.masking import mask_name, mask_phone, mask_phones
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.staff import service as staff
from backoffice.users import service as users

PAGE_SIZE = 50
VIEWS: tuple[View, ...] = get_args(View)
COUNTED: tuple[View, ...] = ("mine", "unassigned")
CHANNELS = ("web", "app", "wechat", "mini")
NEAR_LIMIT = 0.6


@dataclass(frozen=True)
class Named:
    """A conversation with the names of who is in it."""

    summary: Summary
    customer: str
    agent: str


def span_of(words: Words, length: timedelta) -> str:
    """`5 minutes`, as people say it."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return words("waiting.seconds")
    if minutes < 60:
        return words("waiting.minutes", minutes=minutes)
    if 24 * 60 <= minutes < 72 * 60:
        return words("waiting.whole_hours", hours=minutes // 60)
    if minutes < 24 * 60:
        return words("waiting.hours", hours=minutes // 60, minutes=minutes % 60)
    return words("waiting.days", days=minutes // (24 * 60))


def urgency(waited: timedelta, limit: float) -> str:
    """`good`, `near` the limit of that many seconds, or `over` it."""
    seconds = waited.total_seconds()
    return "over" if seconds >= limit else "near" if seconds >= NEAR_LIMIT * limit else "good"


def waiting(words: Words, summary: Summary, moment: datetime, limit: float) -> Markup:
    """How long the shopper has waited for a person, in the colour of the limit."""
    since = summary.queued_at if summary.owner == "queue" else summary.waiting_since
    if summary.owner == "bot" or summary.status != "open" or since is None:
        return NOTHING
    waited = max(moment - since, timedelta())
    kind = f"wait {urgency(waited, limit)}"
    return span(kind, span_of(words, waited), title=words("waiting.since", at=clock(since, moment)))


def clock(at: datetime, moment: datetime) -> str:
    """The time of today, the day and time before."""
    local, today = at.astimezone(SHOP_ZONE), moment.astimezone(SHOP_ZONE)
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%m-%d %H:%M}"


def row(words: Words, named: Named, moment: datetime, limit: float, chosen: bool) -> Markup:
    summary = named.summary
    tags = [span("chip tag", each) for each in summary.tags[:3]]
    urgent = [span("chip urgent", words(f"priority.{summary.priority}"))] if summary.priority else []
    reason = [span("chip", words.known("reason", summary.reason))] if summary.reason else []
    owner = named.agent if summary.owner == "agent" and named.agent else words(f"owner.{summary.owner}")
    unread = span("unread", str(summary.unread), title=words("unread")) if summary.unread else NOTHING
    author = words.known("author", summary.last_author, "")
    said = mask_phones(summary.last_line)[:90] or words("no_text")
    return button(
        "open",
        div(
            "item-top",
            span("name", named.customer),
            span("grow"),
            waiting(words, summary, moment, limit) or span("at", clock(summary.updated_at, moment)),
        ),
        div("item-line", span("said", f"{author}：{said}" if author else said), unread),
        div(
            "item-chips",
            span(f"dot {summary.owner}", owner),
            span("chip channel", words.known("channel", summary.channel)),
            *urgent,
            *([span("chip", words(f"status.{summary.status}"))] if summary.status != "open" else []),
            *reason,
            *tags,
        ),
        kind="item chosen" if chosen else "item",
        value=summary.id,
        aria_current="true" if chosen else None,
    )


def empty(words: Words, view: View, filtered: bool) -> Markup:
    said = "empty.filtered" if filtered else f"empty.{view}"
    return div("empty", div("empty-mark", "🏮", aria_hidden="true"), div("", words(said)))


class Inbox:
    """The pane; `chosen` is the conversation that is open."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.wanted = Filter(view="mine", staff_id=visit.who.id)
        self.chosen: str | None = None
        self.ids: list[str] = []
        self.counts: dict[View, int] = {}
        self._limit = PAGE_SIZE
        self._known_tags: list[str] | None = None

    def build(self) -> None:
        words = self._visit.words
        with ui.element("section").classes("pane inbox").props(f'aria-label="{words("place.inbox")}"'):
            self._tabs = ui.html("", sanitize=False).classes("tabs")
            self._filters = ui.html("", sanitize=False).classes("filters")
            self._list = Rows(ui.element("div").classes("list"))

    def filter(self, view: str = "", channel: str = "", tag: str = "", text: str = "") -> None:
        """What the person chose; what does not exist is left out."""
        self.wanted = replace(
            self.wanted,
            view=next((each for each in VIEWS if each == view), self.wanted.view),
            channel=channel if channel in CHANNELS else "",
            tag=tag[:20],
            text=text.strip()[:100],
        )
        self._limit = PAGE_SIZE

    def more(self) -> None:
        self._limit += PAGE_SIZE

    async def refresh(self) -> None:
        visit, words, moment = self._visit, self._visit.words, now()
        limit = visit.settings.queue_wait_limit
        async with visit.database.read() as session:
            found, total = await inbox.listed(session, self.wanted, self._limit, 0)
            for view in COUNTED:
                mine = Filter(view=view, staff_id=visit.who.id)
                self.counts[view] = (await inbox.listed(session, mine, 1, 0))[1]
            named = await names(visit, session, found)
            tags = await inbox.tags(session)
        self.ids = [each.summary.id for each in named]
        rows = {
            each.summary.id: row(words, each, moment, limit, each.summary.id == self.chosen) for each in named
        }
        if not rows:
            rows["empty"] = empty(words, self.wanted.view, self._filtered)
        if total > len(named):
            rows["more"] = button("more", words("more", left=total - len(named)), kind="button wide")
        self._list.show(rows)
        self._tabs.content = self._tab_row()
        if tags != self._known_tags:
            self._known_tags = tags
            self._filters.content = self._filter_row(tags)

    @property
    def _filtered(self) -> bool:
        return bool(self.wanted.channel or self.wanted.tag or self.wanted.text)

    def _tab_row(self) -> Markup:
        words, shown = self._visit.words, self.wanted.view
        return div(
            "tab-row",
            *(
                button(
                    "view",
                    words(f"view.{view}"),
                    span("count", str(self.counts[view])) if self.counts.get(view) else NOTHING,
                    kind="tab active" if view == shown else "tab",
                    value=view,
                    aria_pressed="true" if view == shown else "false",
                )
                for view in VIEWS
            ),
        )

    def _filter_row(self, tags: list[str]) -> Markup:
        words, wanted = self._visit.words, self.wanted

        def options(first: str, values: list[tuple[str, str]], chosen: str) -> list[Markup]:
            every = [("", words(first)), *values]
            return [tag("option", "", said, value=code, selected=code == chosen) for code, said in every]

        channels = [(code, words(f"channel.{code}")) for code in CHANNELS]
        return div(
            "filter-row",
            tag(
                "input",
                "search",
                type="search",
                placeholder=words("search"),
                aria_label=words("search"),
                data_filter="text",
                value=wanted.text,
                maxlength=100,
            ),
            tag(
                "select",
                "",
                *options("every_channel", channels, wanted.channel),
                data_filter="channel",
                aria_label=words("every_channel"),
            ),
            tag(
                "select",
                "",
                *options("every_tag", [(each, each) for each in tags], wanted.tag),
                data_filter="tag",
                aria_label=words("every_tag"),
            ),
        )


async def names(visit: Visit, session: Any, found: list[Summary]) -> list[Named]:
    """Customers masked; who is not known is a visitor of some channel."""
    known = await users.customers(session, [each.customer_id for each in found if each.customer_id])
    agents = await staff.members(session, [each.agent_id for each in found if each.agent_id])
    shown = []
    for each in found:
        customer = known.get(each.customer_id or 0)
        name = f"{mask_name(customer.name)} {mask_phone(customer.phone)[-4:]}" if customer else ""
        agent = agents.get(each.agent_id or 0)
        shown.append(
            Named(each, name or visit.words("visitor", tail=each.id[-4:]), agent.name if agent else "")
        )
    return shown
