"""How it looks which model answers shoppers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backoffice.consoles.inbox import clock
from backoffice.consoles.markup import NOTHING, Markup, button, div, span, tag
from backoffice.consoles.words import Words
from backoffice.conversations.reports.outcomes import ConversationOutcome, arm
from backoffice.training.serving.domain import Serving
from backoffice.training.serving.service import Replica, reached

HARM = re.compile(r"harm (\S+) (\S+) p=(\S+)")


@dataclass(frozen=True)
class Shown:
    """What is served, what was before it, who holds it, and who the people are by id."""

    served: Serving
    before: str
    replicas: Sequence[Replica]
    names: Mapping[int, str]
    moment: datetime


def short(model: str) -> str:
    """A model as people name it: when it was made and the first of its fingerprint."""
    parts = model.removesuffix(".tar.gz").split("-")
    if len(parts) != 3 or len(parts[1]) != 16:
        return model
    made = parts[1]
    return f"{made[4:6]}-{made[6:8]} {made[9:11]}:{made[11:13]} · {parts[2][:4]}"


def live_view(words: Words, shown: Shown) -> Markup:
    served = shown.served
    if not served.live:
        return div("panel live", div("none", words("serving.nothing")))
    back = words("serving.roll_back", model=short(shown.before)) if shown.before else NOTHING
    behind = [each for each in shown.replicas if each.trouble or each.live != served.live]
    return div(
        "panel live",
        div(
            "agent-top",
            tag("h2", "panel-title", words("serving.title")),
            span("name live-model", short(served.live)),
            standing(words, shown),
            span("grow"),
            button("serve_back", back, kind="button small") if back else NOTHING,
            button("serve_promote", words("serving.promote"), kind="button small primary"),
        ),
        div("quiet-text", told(words, shown, served)),
        *(replica(words, each) for each in behind),
        NOTHING
        if served.mode
        else div(
            "agent-top",
            button("serve_shadow", words("serving.shadow"), kind="button small"),
            button("serve_share", words("serving.share"), kind="button small"),
        ),
    )


def standing(words: Words, shown: Shown) -> Markup:
    """Live is what every replica that lives says it holds."""
    total, count = len(shown.replicas), reached(shown.replicas, shown.served)
    if not total:
        return span("chip failed", words("serving.nobody"), role="status")
    if count == total:
        return span("chip done", words("serving.all", total=total), role="status")
    return span("chip running", words("serving.some", count=count, total=total), role="status")


def replica(words: Words, each: Replica) -> Markup:
    where = words("serving.replica", id=each.id, model=short(each.live))
    return div("why replica", f"{where} · {each.trouble}" if each.trouble else where)


def told(words: Words, shown: Shown, switch: Serving) -> str:
    """Who did it, when and why."""
    parts = [
        words(
            "serving.since",
            who=shown.names.get(switch.staff_id or 0, words("serving.itself")),
            when=clock(switch.at, shown.moment) if switch.at else "",
            kind=words(f"serving.kind.{switch.kind}"),
        )
    ]
    if harm := HARM.fullmatch(switch.why):
        parts.append(words("serving.harm", mine=harm[1], live=harm[2], chance=harm[3]))
    else:
        parts.append(switch.why)
    return " · ".join(part for part in (*parts, switch.override) if part)


def trial_view(
    words: Words, shown: Shown, read: tuple[int, int], found: Sequence[ConversationOutcome]
) -> Markup:
    """`read`: messages that it read along, and those it took for something else."""
    served = shown.served
    sharing = served.mode == "share"
    name = short(served.candidate)
    title = (
        words("serving.trial_share", model=name, percent=served.percent)
        if sharing
        else words("serving.trial_shadow", model=name)
    )
    share = words("serving.change_share" if sharing else "serving.share")
    return div(
        "panel trial",
        div(
            "agent-top",
            span("name", title),
            span("grow"),
            button("serve_share", share, kind="button small", value=served.candidate),
            button(
                "serve_promote", words("serving.promote_this"), kind="button small", value=served.candidate
            ),
            button("serve_stop", words("serving.stop"), kind="button small"),
        ),
        side_by_side(words, found)
        if sharing
        else div("quiet-text", words("serving.read_along", count=read[0], different=read[1])),
    )


def side_by_side(words: Words, found: Sequence[ConversationOutcome]) -> Markup:
    live, candidate = arm(found, tried=False), arm(found, tried=True)

    def row(name: str, *cells: str) -> Markup:
        head = tag("th", "", words(f"serving.row.{name}"), scope="row")
        return tag("tr", "", head, *(tag("td", "", cell) for cell in cells))

    def of(part: int, whole: int) -> str:
        return f"{part / whole:.0%} ({part})" if whole else "–"

    arms = (live, candidate)
    names = ("figure", "live", "candidate")
    heads = (tag("th", "", words(f"serving.column.{name}"), scope="col") for name in names)
    rows = (
        row("conversations", *(str(each.conversations) for each in arms)),
        row("contained", *(of(each.contained, each.conversations) for each in arms)),
        row("handed_over", *(of(each.handed_over, each.conversations) for each in arms)),
        row("fallback", *(of(each.fallback, each.conversations) for each in arms)),
        row("satisfied", *(of(each.good, each.rated) for each in arms)),
    )
    table = tag("table", "", tag("thead", "", tag("tr", "", *heads)), tag("tbody", "", *rows))
    return div("table-panel table-scroll", table)


def history_view(words: Words, shown: Shown, switches: Sequence[Serving], total: int) -> Markup:
    rows = (
        div("switch", span("name", short(each.candidate or each.live)), span("", told(words, shown, each)))
        for each in switches
    )
    title = tag("summary", "quiet-text", words("serving.history", count=total))
    return tag("details", "panel switches", title, *rows, data_keep="switches")
