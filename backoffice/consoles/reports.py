"""Reports: how well shoppers were served in a period, as figures, charts, tables and a file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from nicegui import ui

from backoffice.consoles import charts
from backoffice.consoles.board import tile
from backoffice.consoles.layout import Place, style
from backoffice.consoles.markup import Markup, div, join, span, tag
from backoffice.consoles.session import HOME, signed_in
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words, words_of
from backoffice.conversations.reports import service as reports
from backoffice.conversations.reports.episodes import Scope
from backoffice.conversations.reports.service import Figures, Report, Spread
from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import Invalid
from backoffice.kit.fields import RowId, Text
from backoffice.kit.time import SHOP_ZONE, now, shop_date
from backoffice.staff import service as staff
from backoffice.staff.schemas import Role, StaffAccount

ROLES: tuple[Role, ...] = ("supervisor", "admin")
PLACE = Place("/reports", "reports", ROLES)
FILE = f"{HOME}/reports.csv"
CHANNELS = ("web", "app", "wechat", "mini")
SPANS = (1, 7, 30, 90)
NO_VALUE = "–"
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Wanted:
    """Whole days of the shop, from `since` through `until`; by default the last seven."""

    since: date
    until: date
    channel: str = ""
    agent: int | None = None
    intent: str = ""

    @property
    def scope(self) -> Scope:
        start, end = (datetime.combine(day, time(), SHOP_ZONE) for day in (self.since, self.until))
        return Scope(start, end + timedelta(days=1), self.channel, self.agent, self.intent)

    def query(self, **changed: object) -> str:
        fields = vars(self) | changed
        return urlencode({name: value for name, value in fields.items() if value not in ("", None)})


def wanted(
    since: date | None = None,
    until: date | None = None,
    channel: Annotated[Text, Query(max_length=20)] = "",
    agent: RowId | None = None,
    intent: Annotated[Text, Query(max_length=60)] = "",
) -> Wanted:
    today = shop_date(now())
    until = until or today
    return Wanted(since or until - timedelta(days=6), until, channel, agent, intent)


@router.get(FILE)
async def file(
    request: Request,
    asked: Annotated[Wanted, Depends(wanted)],
    database: Annotated[Database, Depends(database_of)],
) -> StreamingResponse:
    """The episodes as CSV, masked."""
    await signed_in(request, database, *ROLES)
    reports.check(asked.scope)
    words = words_of(request)

    async def written() -> AsyncIterator[str]:
        async with database.snapshot() as session:
            async for part in reports.export(
                session, asked.scope, lambda name: words(f"reports.file.{name}")
            ):
                yield part

    name = f"xiaoer-{asked.since}-{asked.until}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(written(), media_type="text/csv; charset=utf-8", headers=headers)


def read(query: dict[str, str]) -> Wanted:
    """What an address asks for; what it says wrongly is left out."""

    def day(name: str) -> date | None:
        try:
            return date.fromisoformat(query.get(name, ""))
        except ValueError:
            return None

    agent = query.get("agent", "")
    return wanted(
        day("since"),
        day("until"),
        query.get("channel", "")[:20],
        int(agent) if agent.isascii() and agent.isdigit() and len(agent) < 10 else None,
        query.get("intent", "")[:60],
    )


async def build(visit: Visit) -> None:
    style("supervising.css")
    words, asked = visit.words, read(dict(visit.request.query_params))
    async with visit.database.snapshot() as session:
        accounts = await staff.accounts(session)
        try:
            report, problem = await reports.report(session, asked.scope), None
        except Invalid as refused:
            report, problem = None, refused
    names = {account.id: account.name for account in accounts}
    with ui.element("main").classes("reports"):
        ui.html(form(words, asked, accounts, list(report.intents) if report else []), sanitize=False)
        if report is None:
            said = words(f"reports.{problem.code}") if problem else ""
            ui.html(div("notice", said, role="alert"), sanitize=False)
            return
        ui.html(summary(words, report.whole), sanitize=False)
        if not report.whole.episodes:
            empty = div(
                "empty", div("empty-mark", "📊", aria_hidden="true"), div("", words("reports.nothing"))
            )
            ui.html(empty, sanitize=False)
            return
        with ui.element("div").classes("charts"):
            for name, options in charts.of(words, report).items():
                with ui.element("figure").classes("chart").props(f'aria-label="{words(f"reports.{name}")}"'):
                    ui.html(tag("figcaption", "panel-title", words(f"reports.{name}")), sanitize=False)
                    ui.echart(options)
        ui.html(tables(words, report, names), sanitize=False)


def form(words: Words, asked: Wanted, accounts: list[StaffAccount], intents: list[str]) -> Markup:
    today = shop_date(now())

    def chosen(name: str, options: list[tuple[str, str]], value: str) -> Markup:
        shown = [
            tag("option", "", said, value=code, selected=code == value)
            for code, said in [("", words(f"reports.every_{name}")), *options]
        ]
        return tag("select", "", *shown, name=name, aria_label=words(f"reports.every_{name}"))

    def day(name: str, value: date) -> Markup:
        label = words(f"reports.{name}")
        return tag(
            "label", "", label, tag("input", "", type="date", name=name, value=f"{value}", max=f"{today}")
        )

    spans = [
        tag(
            "a",
            "place active" if asked.until == today and asked.since == since else "place",
            words("reports.last_day" if days == 1 else "reports.last_days", days=days),
            href=f"{HOME}/reports?{asked.query(since=since, until=today)}",
        )
        for days in SPANS
        for since in [today - timedelta(days=days - 1)]
    ]
    known = sorted({*intents, *([asked.intent] if asked.intent else [])})
    return tag(
        "form",
        "report-form",
        div("spans", *spans),
        day("since", asked.since),
        day("until", asked.until),
        chosen("channel", [(code, words(f"channel.{code}")) for code in CHANNELS], asked.channel),
        chosen("agent", [(str(each.id), each.name) for each in accounts], str(asked.agent or "")),
        chosen("intent", [(code, words.known("intent", code)) for code in known], asked.intent),
        tag("button", "button primary", words("reports.show"), type="submit"),
        tag("a", "button", words("reports.download"), href=f"{FILE}?{asked.query()}", download=True),
        method="get",
        action=f"{HOME}/reports",
    )


def summary(words: Words, whole: Figures) -> Markup:
    def two(name: str, spread: Spread) -> Markup:
        note = (
            words("reports.nine_of_ten", length=length(words, spread.p90)) if spread.p90 is not None else ""
        )
        return tile(words(f"reports.{name}"), length(words, spread.p50), note=note)

    return div(
        "tile-row",
        tile(
            words("reports.episodes"),
            str(whole.episodes),
            note=words("reports.of_people", count=whole.with_people),
        ),
        tile(
            words("reports.containment"), percent(whole.containment), note=words("reports.containment_hint")
        ),
        two("first_reply", whole.first_reply),
        two("waiting", whole.waiting),
        two("handling", whole.handling),
        tile(
            words("reports.resolution_rate"),
            percent(whole.resolution_rate),
            note=words("reports.in_time", length=length(words, whole.resolution.p50)),
        ),
        tile(
            words("reports.csat"),
            number(whole.mean_stars),
            note=words(
                "reports.csat_hint", good=percent(whole.satisfaction), answered=percent(whole.answer_rate)
            ),
        ),
    )


def tables(words: Words, report: Report, names: dict[int, str]) -> Markup:
    people = ("first_reply", "waiting", "handling", "resolution_rate", "csat")
    agents = {names.get(key, f"#{key}"): each for key, each in report.agents.items()}
    intents = {words.known("intent", key): each for key, each in report.intents.items()}
    reasons = {
        words.known("reason", key, words("other_reason")): each for key, each in report.reasons.items()
    }
    channels = {words.known("channel", key): each for key, each in report.channels.items()}
    return join(
        [
            table(words, "by_agent", agents, people),
            table(words, "by_reason", reasons, people),
            table(words, "by_intent", intents, ("containment", *people)),
            table(words, "by_channel", channels, ("containment", *people)),
        ]
    )


def table(words: Words, name: str, groups: dict[str, Figures], columns: tuple[str, ...]) -> Markup:
    if not groups:
        return Markup("")
    titles = [words(f"reports.{column}") for column in ("episodes", *columns)]
    head = tag("tr", "", *(tag("th", "", each, scope="col") for each in (words(f"reports.{name}"), *titles)))
    rows = [
        tag(
            "tr",
            "",
            tag("th", "", group, scope="row"),
            tag("td", "", str(each.episodes)),
            *(tag("td", "", cell(words, each, column)) for column in columns),
        )
        for group, each in sorted(groups.items(), key=lambda pair: -pair[1].episodes)
    ]
    return div(
        "panel table-panel",
        tag("h2", "panel-title", words(f"reports.{name}")),
        div("table-scroll", tag("table", "", tag("thead", "", head), tag("tbody", "", *rows)), tabindex="0"),
    )


def cell(words: Words, figures: Figures, column: str) -> Markup:
    if column in ("containment", "resolution_rate"):
        return span("", percent(getattr(figures, column)))
    if column == "csat":
        return span("", f"{number(figures.mean_stars)} ({figures.rated})" if figures.rated else NO_VALUE)
    spread: Spread = getattr(figures, column)
    title = words("reports.nine_of_ten", length=length(words, spread.p90))
    return span("", length(words, spread.p50), title=title)


def length(words: Words, seconds: float | None) -> str:
    """As people say it: `45 s`, `3.5 min`, `10.1 h`."""
    if seconds is None:
        return NO_VALUE
    if seconds < 60:
        return words("reports.seconds", count=round(seconds))
    if seconds < 3600:
        return words("reports.minutes", count=f"{seconds / 60:.1f}")
    return words("reports.hours", count=f"{seconds / 3600:.1f}")


def percent(share: float | None) -> str:
    return NO_VALUE if share is None else f"{share:.0%}"


def number(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:.2f}"
