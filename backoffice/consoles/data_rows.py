"""How training data look: sentences, intents, answers, words, what an edit does, the history."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from backoffice.consoles.inbox import clock
from backoffice.consoles.markup import NOTHING, Markup, button, div, join, span, tag
from backoffice.consoles.session import HOME
from backoffice.consoles.words import Words
from backoffice.training.datasets.domain import Difference, Labelled
from backoffice.training.datasets.models import DatasetRevision
from backoffice.training.datasets.nearness import Finding
from backoffice.training.projects.markup import read_markup
from backoffice.training.projects.views import Terms, Variation

EXPORT = f"{HOME}/training-data/export.zip"
PREVIEWED = 8


def intent_label(words: Words, name: str) -> str:
    return words.known("intent", name)


def intent_row(words: Words, name: str, count: int, chosen: bool) -> Markup:
    label = intent_label(words, name)
    return button(
        "intent",
        span("name clip", label),
        span("quiet-text clip", name) if label != name else NOTHING,
        span("grow"),
        span("count", str(count)),
        kind="data-intent chosen" if chosen else "data-intent",
        value=name,
        aria_current="true" if chosen else None,
    )


def marked(text: str) -> Markup:
    """A sentence with its entities."""
    plain, spans = read_markup(text)
    parts, done = list[str](), 0
    for each in sorted(spans, key=lambda each: each.start):
        if each.start >= done:
            value = f"{each.entity}={each.value}" if each.value is not None else each.entity
            parts += [
                plain[done : each.start],
                tag("mark", "entity", plain[each.start : each.end], title=value),
            ]
            done = each.end
    return join([*parts, plain[done:]])


def sentence(words: Words, number: int, example: Labelled, with_intent: bool) -> Markup:
    """`number`: by which its buttons name it."""
    intent = button(
        "intent", intent_label(words, example.intent), kind="chip tag as-button", value=example.intent
    )
    return div(
        "data-row",
        span("data-said", marked(example.marked)),
        intent if with_intent else NOTHING,
        *(
            button(do, words(f"data.{do}"), kind="button small", value=number)
            for do in ("change", "move", "remove")
        ),
    )


def answer(words: Words, name: str, ways: Sequence[Variation]) -> Markup:
    return div(
        "data-row",
        div(
            "data-said",
            div("agent-top", span("name", name), span("count", str(len(ways)))),
            *(div("quiet-text", way.text or words("data.no_text")) for way in ways[:3]),
        ),
        button("answer", words("data.change"), kind="button small", value=name),
    )


def word_list(words: Words, number: int, terms: Terms) -> Markup:
    return div(
        "data-row",
        div(
            "data-said",
            div(
                "agent-top",
                span("chip", words(f"data.kind.{terms.kind}")),
                span("name", terms.name),
                span("count", str(len(terms.values))),
            ),
            div("quiet-text", " · ".join(terms.values[:30])),
        ),
        button("words", words("data.change"), kind="button small", value=number),
    )


def revision(
    words: Words, told: DatasetRevision, names: Mapping[int, str], moment: datetime, newest: bool
) -> Markup:
    who = words("data.shipped") if told.number == 0 else names.get(told.staff_id or 0, words("data.service"))
    again = button("restore", words("data.restore"), kind="button small", value=told.number)
    return div(
        "data-row",
        div(
            "data-said",
            div(
                "agent-top",
                span("name", words("data.revision", number=told.number)),
                span("quiet-text", who),
                span("quiet-text", clock(told.at, moment)),
            ),
            div("", told.why) if told.why else NOTHING,
            div("quiet-text", counts(words, told)) if told.number else NOTHING,
        ),
        button("changes", words("data.changes"), kind="button small", value=told.number)
        if told.number
        else NOTHING,
        NOTHING if newest else again,
        tag("a", "button small", words("data.export"), href=f"{EXPORT}?number={told.number}", download=True),
    )


def counts(words: Words, told: DatasetRevision) -> str:
    added, removed = (sum(told.changes.get(name, {}).values()) for name in ("added", "removed"))
    return words("data.counts", added=added, removed=removed, other=len(told.changes.get("touched", [])))


def preview(words: Words, difference: Difference) -> Markup:
    """What an edit does, most of it in numbers."""
    parts = list[Markup]()
    for how, said in (("added", difference.added), ("removed", difference.removed)):
        if said:
            by_intent = Counter(each.intent for each in said).most_common(6)
            told = " · ".join(f"{intent_label(words, name)} {count}" for name, count in by_intent)
            parts.append(
                div("data-head", words(f"data.sentences_{how}", count=len(said)), span("quiet-text", told))
            )
            parts += [div(f"data-diff {how}", marked(each.marked)) for each in said[:PREVIEWED]]
            if len(said) > PREVIEWED:
                parts.append(div("quiet-text", words("more", left=len(said) - PREVIEWED)))
    if difference.touched:
        parts.append(div("data-head", words("data.touched", count=len(difference.touched))))
    for touch in difference.touched[:40]:
        what = f"{words(f'data.what.{touch.what}')} {touch.name}"
        parts.append(div(f"data-diff {touch.how}", f"{what}: {words(f'data.how.{touch.how}')}"))
    parts.append(div("quiet-text", " ".join(difference.files)))
    return div("data-preview", *parts)


def findings(words: Words, found: Iterable[Finding]) -> Markup:
    """What is odd about new sentences; nothing for those that are fine."""
    parts = list[Markup]()
    for each in found:
        text, _ = read_markup(each.example.marked)
        for kind, near in (("same", each.same), ("near", each.near)):
            if near:
                intent = intent_label(words, near.intent)
                told = words(f"data.finding.{kind}", text=text, other=near.text, intent=intent)
                parts.append(div("data-warning", told, role="alert"))
        if each.border:
            told = words("data.finding.border", text=text, intent=intent_label(words, each.border))
            others = " · ".join(neighbour.text for neighbour in each.neighbours)
            parts.append(div("data-warning", told, div("quiet-text", others), role="alert"))
    return div("data-findings", *parts) if parts else div("data-fine", words("data.finding.none"))
