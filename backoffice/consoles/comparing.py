"""How two models compare, as pieces of a page."""

from collections.abc import Sequence

from backoffice.consoles.board import tile
from backoffice.consoles.markup import NOTHING, Markup, button, div, join, span, tag
from backoffice.consoles.serving_views import short
from backoffice.consoles.words import Words
from backoffice.kit.masking import mask_phones
from backoffice.training.models.domain import (
    Changed,
    Comparison,
    IntentChange,
    Objection,
    SetComparison,
    Share,
    gate,
)
from backoffice.training.models.figures import Judged

CLEAR = 0.05
"""The probability of a mere accident below which a difference counts as one."""


def comparison_view(words: Words, comparison: Comparison, chosen: str) -> Markup:
    """The whole in figures; `chosen` is the set of sentences whose figures are shown."""
    found = comparison.sets.get(chosen)
    return div(
        "comparing",
        tag("h2", "page-title", words("models.comparison", model=short(comparison.before.model))),
        verdict(words, gate(comparison)),
        stories(words, comparison),
        sets(words, comparison, chosen),
        summary(words, comparison, found) if found else NOTHING,
    )


def verdict(words: Words, objections: Sequence[Objection]) -> Markup:
    if not objections:
        return div("gate open", tag("strong", "", words("models.gate.open")), role="status")
    told = [
        tag(
            "li",
            "",
            words(
                f"models.gate.{each.code}",
                subject=words.known("intent", each.subject),
                before=percent(each.before),
                after=percent(each.after),
                about=words.known("model_set", each.about),
            ),
        )
        for each in objections
    ]
    title = words("models.gate.shut", count=len(objections))
    return div("gate shut", tag("strong", "", title), tag("ul", "", *told), role="status")


def stories(words: Words, comparison: Comparison) -> Markup:
    found = comparison.stories
    lists = [
        tag(
            "details",
            "",
            tag("summary", "", words(f"models.stories.{name}", count=len(told))),
            tag("ul", "", *(tag("li", "", f"{story}: {fault}") for story, fault in told.items())),
        )
        for name, told in (("lost", found.lost), ("failing", found.failing), ("won", found.won))
        if told
    ]
    passed = found.total - len(found.lost) - len(found.failing)
    line = words("models.stories.passed", passed=passed, total=found.total)
    return div("panel stories", div("name", line), *lists) if found.total else NOTHING


def sets(words: Words, comparison: Comparison, chosen: str) -> Markup:
    return div(
        "spans",
        *(
            button(
                "set",
                words("models.set", name=words.known("model_set", name), count=each.difference.total),
                kind="place active as-button" if name == chosen else "place as-button",
                value=name,
                aria_pressed="true" if name == chosen else "false",
            )
            for name, each in comparison.sets.items()
        ),
        role="group",
    )


def summary(words: Words, comparison: Comparison, found: SetComparison) -> Markup:
    before, after, moved = found.before, found.after, found.difference
    margin = words(
        "models.difference",
        points=f"{100 * moved.share:+.1f}",
        margin=f"{100 * moved.margin:.1f}",
        p=f"{moved.p:.3f}",
    )
    kind = ("good" if moved.share > 0 else "over") if moved.p < CLEAR else ""

    def two(name: str, one: str, other: str, note: str = "") -> Markup:
        return tile(words(f"models.{name}"), other, note=note or words("models.was", value=one))

    def counted(name: str, one: Share, other: Share) -> Markup:
        return two(name, percent(one.value), percent(other.value))

    return div(
        "tile-row",
        tile(words("models.lenient"), percent(after.lenient.value), kind, note=margin),
        counted("strict", before.strict, after.strict),
        counted("refused", before.refused, after.refused),
        two("calibration", f"{before.head.calibration_error:.3f}", f"{after.head.calibration_error:.3f}"),
        two("speed", speed(before.p50_ms, before.p95_ms), speed(after.p50_ms, after.p95_ms)),
        two("size", megabytes(comparison.before.bytes), megabytes(comparison.after.bytes)),
        two("memory", megabytes(comparison.before.memory_bytes), megabytes(comparison.after.memory_bytes)),
        two("loading", f"{comparison.before.load_seconds:.1f} s", f"{comparison.after.load_seconds:.1f} s"),
    )


def intents(words: Words, found: Sequence[IntentChange]) -> Markup:
    """Those that changed first, each with where its true share lies."""
    titles = ("intent", "sentences", "before", "after", "gain", "interval")
    head = tag("tr", "", *(tag("th", "", words(f"models.column.{each}"), scope="col") for each in titles))
    rows = []
    for each in found:
        bounds = each.after.interval
        kind = "down" if each.gain < 0 else "up" if each.gain > 0 else ""
        cells = (
            str(each.after.total),
            percent(each.before.value),
            percent(each.after.value),
            f"{100 * each.gain:+.0f}" if each.gain else "–",
            f"{percent(bounds.low)} – {percent(bounds.high)}",
        )
        name = tag("th", "", words.known("intent", each.intent), scope="row")
        rows.append(tag("tr", kind, name, *(tag("td", "", cell) for cell in cells)))
    table = tag("table", "", tag("thead", "", head), tag("tbody", "", *rows))
    return tag(
        "details",
        "panel table-panel",
        tag("summary", "panel-title", words("models.by_intent", count=len(found))),
        div("table-scroll", table, tabindex="0"),
        data_keep="by-intent",
        open=any(each.gain for each in found),
    )


def sentence_list(words: Words, name: str, changed: Sequence[Changed], shown: int) -> Markup:
    """Sentences that were won or lost, as both models read them."""
    title = words(f"models.{name}", count=len(changed))
    rows = [sentence(words, each) for each in changed[:shown]]
    left = len(changed) - shown
    more = button("more", words("more", left=left), kind="button wide") if left > 0 else NOTHING
    return div(
        f"panel sentences {name}",
        tag("h3", "panel-title", title),
        join(rows) if rows else div("none", words("models.no_sentences")),
        more,
    )


def sentence(words: Words, each: Changed) -> Markup:
    meant = each.after.message
    wanted = " / ".join(words.known("intent", intent) for intent in (meant.intent, *meant.also))
    return div(
        "sentence",
        div("said", mask_phones(meant.text)),
        div("quiet-text", words("models.meant", intent=wanted)),
        div("readings", reading(words, each.before), span("arrow", "→"), reading(words, each.after)),
    )


def reading(words: Words, judged: Judged) -> Markup:
    kind = "good" if judged.lenient else "over"
    return span(f"wait {kind}", f"{words.known('intent', judged.served)} {judged.confidence:.2f}")


def percent(share: float) -> str:
    return f"{100 * share:.1f}%".replace(".0%", "%")


def megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def speed(p50: float, p95: float) -> str:
    return f"{p50:.0f} / {p95:.0f} ms"
