"""The bot's week: what people ask for, what it settles alone, what it misreads, where talks break off."""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from nicegui import ui

from backoffice.consoles import insight_charts as charts
from backoffice.consoles.board import tile
from backoffice.consoles.insight_tables import TABLES, Insights, Table, insights, scope_of
from backoffice.consoles.layout import Place, style
from backoffice.consoles.markup import NOTHING, Markup, div, join, tag
from backoffice.consoles.reports import CHANNELS, NO_VALUE, Wanted, percent, read, wanted
from backoffice.consoles.session import HOME, signed_in
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words, words_of
from backoffice.conversations.reports.service import harmless
from backoffice.conversations.reports.weekly import Week
from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import Invalid, NotFound
from backoffice.kit.statistics import wilson
from backoffice.kit.time import now, shop_date
from backoffice.staff.schemas import Role

ROLES: tuple[Role, ...] = ("admin",)
PLACE = Place("/insights", "insights", ROLES)
SPANS = (4, 8, 13)
USUAL = 8
MOST_SHOWN = 20
router = APIRouter(include_in_schema=False)


@router.get(f"{HOME}/insights/{{name}}.csv")
async def file(
    request: Request,
    name: str,
    chosen: Annotated[Wanted, Depends(wanted)],
    database: Annotated[Database, Depends(database_of)],
) -> StreamingResponse:
    """One of the tables as CSV. Nothing that was said is in it, and no cell is taken for a formula."""
    await signed_in(request, database, *ROLES)
    if name not in TABLES:
        raise NotFound("no_such_table")
    chosen = scope_of(chosen)
    async with database.snapshot() as session:
        found = await insights(session, chosen)
    rows = TABLES[name](words_of(request), found)
    headers = {
        "Content-Disposition": f'attachment; filename="xiaoer-{name}-{chosen.since}-{chosen.until}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(written(rows), media_type="text/csv; charset=utf-8", headers=headers)


def written(rows: Table) -> Iterator[str]:
    yield "\ufeff"
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([harmless(cell) for cell in row])
        yield line.getvalue()


async def build(visit: Visit) -> None:
    style("supervising.css")
    style("insights.css")
    words, query = visit.words, dict(visit.request.query_params)
    chosen = read(query)
    if "since" not in query:
        chosen = Wanted(chosen.until - timedelta(weeks=USUAL - 1), chosen.until, chosen.channel)
    chosen = scope_of(chosen)
    with ui.element("main").classes("reports"):
        ui.html(tag("h1", "page-title", words("insights.title")), sanitize=False)
        ui.html(form(words, chosen), sanitize=False)
        try:
            async with visit.database.snapshot() as session:
                found = await insights(session, chosen)
        except Invalid as refused:
            ui.html(div("notice", words(f"reports.{refused.code}"), role="alert"), sanitize=False)
            return
        if not any(each.episodes or each.read for each in found.weekly.weeks.values()):
            ui.html(div("empty", words("reports.nothing")), sanitize=False)
            return
        ui.html(summary(words, found), sanitize=False)
        with ui.element("div").classes("charts"):
            for name, options in charts.of(words, found.weekly, rates(found), found.confusions).items():
                title = words(f"insights.chart.{name}")
                with ui.element("figure").classes("chart").props(f'aria-label="{title}"'):
                    ui.html(tag("figcaption", "panel-title", title), sanitize=False)
                    ui.echart(options)
        ui.html(
            join([shown(words, name, rows(words, found), chosen) for name, rows in TABLES.items()]),
            sanitize=False,
        )


def rates(found: Insights) -> list[float | None]:
    return [found.judged[week].rate for week in found.weekly.weeks]


def form(words: Words, chosen: Wanted) -> Markup:
    today = shop_date(now())
    channels = [
        ("", words("reports.every_channel")),
        *((each, words(f"channel.{each}")) for each in CHANNELS),
    ]
    options = [
        tag("option", "", said, value=code, selected=code == chosen.channel) for code, said in channels
    ]

    def day(name: str, value: date) -> Markup:
        field = tag("input", "", type="date", name=name, value=f"{value}", max=f"{today}")
        return tag("label", "", words(f"reports.{name}"), field)

    spans = []
    for count in SPANS:
        since = scope_of(Wanted(today - timedelta(weeks=count - 1), today)).since
        active = (chosen.since, chosen.until) == (since, today)
        spans.append(
            tag(
                "a",
                "place active" if active else "place",
                words("insights.weeks", count=count),
                href=f"{HOME}/insights?{chosen.query(since=since, until=today)}",
            )
        )
    return tag(
        "form",
        "report-form",
        div("spans", *spans),
        day("since", chosen.since),
        day("until", chosen.until),
        tag("select", "", *options, name="channel", aria_label=words("reports.every_channel")),
        tag("button", "button primary", words("reports.show"), type="submit"),
        method="get",
        action=f"{HOME}/insights",
    )


def summary(words: Words, found: Insights) -> Markup:
    """The last week, beside the one before it; what people judged, of the whole period."""
    told = list(found.weekly.weeks.values())
    last, before = told[-1], told[-2] if len(told) > 1 else Week()
    judged = sum(each.judged for each in found.judged.values())
    misread = sum(each.misread for each in found.judged.values())
    low, high = wilson(misread, judged)
    note = words("insights.of_judged", judged=judged, low=percent(low), high=percent(high))

    def against(share: float | None) -> str:
        return words("insights.before", share=percent(share))

    return div(
        "tile-row",
        tile(words("insights.column.read"), str(last.read), note=words("insights.before", share=before.read)),
        tile(
            words("insights.column.containment"), percent(last.containment), note=against(before.containment)
        ),
        tile(
            words("insights.column.fallback"),
            percent(last.fallback_share),
            note=against(before.fallback_share),
        ),
        tile(
            words("insights.column.misread"),
            percent(misread / judged) if judged else NO_VALUE,
            note=note if judged else words("insights.none_judged"),
        ),
    )


def shown(words: Words, name: str, rows: Table, chosen: Wanted) -> Markup:
    """A table, its beginning only where it is long; the file has all of it."""
    head, *body = rows
    link = tag(
        "a",
        "button small",
        words("reports.download"),
        href=f"{HOME}/insights/{name}.csv?{chosen.query()}",
        download=True,
    )
    heading = div(
        "table-head", tag("h2", "panel-title", words(f"insights.table.{name}")), link if body else NOTHING
    )
    if not body:
        return div("panel table-panel", heading, div("none", words(f"insights.none.{name}")))
    lines = [
        tag(
            "tr", "", tag("th", "", str(row[0]), scope="row"), *(tag("td", "", str(cell)) for cell in row[1:])
        )
        for row in (body if name == "weeks" else body[:MOST_SHOWN])
    ]
    titles = tag("tr", "", *(tag("th", "", str(title), scope="col") for title in head))
    table = tag("table", "", tag("thead", "", titles), tag("tbody", "", *lines))
    hint = words(f"insights.hint.{name}")
    return div(
        "panel table-panel",
        heading,
        div("quiet-text pad", hint),
        div("table-scroll", table, tabindex="0"),
    )
