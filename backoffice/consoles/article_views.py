"""What the editor of an article shows around the text: markup only."""

from collections.abc import Sequence

from backoffice.consoles.inbox import clock
from backoffice.consoles.lines import card
from backoffice.consoles.markup import NOTHING, Markup, button, div, join, span, tag
from backoffice.consoles.words import Words
from backoffice.kit.time import now
from backoffice.knowledge.schemas import (
    ArticleHistory,
    ArticleName,
    ArticleVersionView,
    ArticleWeekView,
    Preview,
    PreviewOf,
    ShiftView,
)


def standing(words: Words, base: int, live: int) -> Markup:
    """Which version is open, and which one shoppers get."""
    if not base:
        said = words("knowledge.is_new")
    elif not live:
        said = words("knowledge.is_unpublished", number=base)
    elif live == base:
        said = words("knowledge.is_live", number=base)
    else:
        said = words("knowledge.is_draft", number=base, live=live)
    close = button("leave", "✕", kind="quiet", aria_label=words("close"))
    return div("editor-head", tag("h2", "page-title", said), span("grow"), close)


def verbs(words: Words, base: int, live: int) -> Markup:
    shown = [
        button("save", words("knowledge.save")),
        button("publish", words("knowledge.publish"), kind="button primary"),
    ]
    if base:
        shown += [span("grow"), button("history", words("knowledge.history"), kind="quiet")]
    if live:
        shown.append(button("unpublish", words("knowledge.unpublish"), kind="quiet"))
    elif base:
        shown.append(button("remove", words("delete"), kind="quiet"))
    return div("verbs", *shown)


def theirs(words: Words, version: ArticleVersionView) -> Markup:
    """Somebody was faster: what they wrote, beside what is written here."""
    return div(
        "notice theirs",
        div("name", words("knowledge.theirs", by=version.by, number=version.number)),
        div("name", version.title),
        div("said", version.answer),
        div("quiet-text", " · ".join(version.questions)),
        role="alert",
    )


def preview(words: Words, tried: PreviewOf, seen: Preview) -> Markup:
    return join([chat(words, tried, seen), changes(words, tried.slug, seen.shifts)])


def chat(words: Words, tried: PreviewOf, seen: Preview) -> Markup:
    """What a shopper who asks would see."""
    found = seen.answer
    if found:
        shown: dict[str, object] = {"type": "article", "title": found.title}
        pills = [span("pill", words(f"knowledge.{each}")) for each in ("helped", "did_not_help")]
        answer = div("bubble", div("text", found.answer), card(words, shown), div("pills", *pills))
    else:
        answer = div("bubble", div("text", words("knowledge.no_article")))
    verdict = "this" if found and found.slug == tried.slug else "other" if found else "nothing"
    score = found.score if found else 0
    return div(
        "chat",
        div("line shopper", div("bubble", div("text", tried.question))),
        div("line bot", answer),
        div(f"verdict {verdict}", words(f"knowledge.verdict.{verdict}", score=score), role="status"),
    )


def changes(words: Words, slug: str, shifts: Sequence[ShiftView]) -> Markup:
    """Which questions this text wins and loses; what it takes from the questions written in other articles
    comes first.
    """
    if not shifts:
        return div("none", words("knowledge.no_shifts"))
    parts = {
        "takes": [each for each in shifts if each.before and gets(each.after, slug)],
        "gains": [each for each in shifts if not each.before],
        "loses": [each for each in shifts if gets(each.before, slug)],
    }
    return div("shifts", *(part(words, name, found) for name, found in parts.items() if found))


def gets(name: ArticleName | None, slug: str) -> bool:
    return name is not None and name.slug == slug


def part(words: Words, name: str, shifts: Sequence[ShiftView]) -> Markup:
    return div(
        f"part {name}",
        tag("h3", "panel-title", words(f"knowledge.shifts.{name}"), span("count", str(len(shifts)))),
        tag("ul", "", *(shift(words, name, each) for each in shifts)),
    )


def shift(words: Words, name: str, each: ShiftView) -> Markup:
    other = each.before if name == "takes" else each.after if name == "loses" else None
    asked = words("knowledge.asked", count=each.count) if each.count else ""
    return tag(
        "li",
        "",
        span("name", each.question),
        span("quiet-text", asked) if asked else NOTHING,
        span("quiet-text", f"《{other.title}》") if other else NOTHING,
    )


def weeks(words: Words, told: Sequence[ArticleWeekView]) -> Markup:
    """How the article did, newest week first."""
    if not told:
        return NOTHING
    names = ("week", "shown", "helpful", "unhelpful")
    head = tag("tr", "", *(tag("th", "", words(f"knowledge.by_week.{each}"), scope="col") for each in names))
    rows = [
        tag(
            "tr",
            "",
            tag("th", "", f"{each.week:%Y-%m-%d}", scope="row"),
            *(tag("td", "", str(count)) for count in (each.shown, each.helpful, each.unhelpful)),
        )
        for each in reversed(told)
    ]
    table = tag("table", "", tag("thead", "", head), tag("tbody", "", *rows))
    return div("table-panel", div("table-scroll", table, tabindex="0"))


def history(words: Words, told: ArticleHistory, live: int) -> Markup:
    """Every version with its publications, newest first."""
    moment = now()

    def version(each: ArticleVersionView) -> Markup:
        deeds = [
            div(
                "quiet-text",
                words("knowledge.deed.shown", by=deed.by, at=clock(deed.at, moment), why=deed.why),
            )
            for deed in told.publications
            if deed.number == each.number
        ]
        return div(
            "version",
            div(
                "agent-top",
                span("name", words("knowledge.version", number=each.number)),
                span("chip tag", words("knowledge.live")) if each.number == live else NOTHING,
                span("quiet-text", f"{each.by or words('knowledge.shipped')} · {clock(each.at, moment)}"),
                span("grow"),
                button("load", words("knowledge.load"), kind="button small", value=each.number),
                button("go_back", words("knowledge.go_back"), kind="button small", value=each.number)
                if each.number != live
                else NOTHING,
            ),
            div("why", each.why) if each.why else NOTHING,
            div("said clip", each.answer),
            *deeds,
        )

    gone = [
        div("quiet-text", words("knowledge.deed.taken", by=deed.by, at=clock(deed.at, moment), why=deed.why))
        for deed in told.publications
        if not deed.number
    ]
    return div("versions", *gone, *map(version, told.versions))
