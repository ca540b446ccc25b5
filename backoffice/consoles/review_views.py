"""The review as markup: counts, the queue, a group's members, what was understood, what it can mean."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from backoffice.consoles.markup import NOTHING, Markup, button, div, join, span, tag
from backoffice.consoles.words import Words
from backoffice.conversations.reports.weekly import SILENT_ACTIONS
from backoffice.training.projects.markup import Span
from backoffice.training.review.domain import FALLBACK, OUTSIDE
from backoffice.training.review.models import ReviewCandidate, ReviewGroup
from backoffice.training.review.schemas import Counts, Reading

LETTERS = "abcdefgh"
"""Of the likeliest intents; other letters are verbs."""
MOST_FOUND = 12


@dataclass
class Choice:
    """What is being chosen: the search, the first of two intents, a stretch of text to be marked."""

    wanted: str = ""
    pair: list[str] | None = None
    second: bool = False
    stretch: tuple[int, int, int] | None = None
    spans: dict[int, list[Span]] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)


def named(words: Words, intent: str) -> str:
    return words.known("intent", intent)


def head(words: Words, counts: Counts, tab: str) -> Markup:
    tabs = (("queue", counts.left), ("second", counts.wanted), ("disputes", counts.disagreed))
    ready = words("review.add", count=counts.ready)
    return div(
        "review-head",
        tag("h1", "page-title", words("place.review")),
        *(
            button(
                "tab",
                words(f"review.tab.{name}"),
                span("count", str(count)),
                kind="tab active" if name == tab else "tab",
                value=name,
                aria_pressed="true" if name == tab else "false",
            )
            for name, count in tabs
        ),
        span("grow"),
        span("quiet-text", words("review.week", labelled=counts.labelled, examples=counts.examples)),
        button("draw", words("review.draw"), kind="button small"),
        button("add", ready, kind="button small primary") if counts.ready else NOTHING,
    )


def group_row(words: Words, group: ReviewGroup, chosen: bool) -> Markup:
    label = span("chip tag", named(words, group.label)) if group.label else NOTHING
    return button(
        "group",
        span("said clip", group.title),
        div(
            "review-row",
            span("quiet-text", named(words, group.read_as)),
            label,
            span("grow"),
            span("count", words("review.members", count=group.open)),
            span(f"wait {'over' if group.harm >= 10 else 'near' if group.harm else 'good'}", str(group.harm)),
        ),
        kind="item active" if chosen else "item",
        value=group.id,
        aria_pressed="true" if chosen else "false",
    )


def understood(words: Words, each: ReviewCandidate) -> Markup:
    """What was understood, also behind the fallback, the signs against it, and what was done."""
    lost = [span("chip urgent", named(words, FALLBACK))] if each.intent == FALLBACK else []
    ranked = [
        span("chip tag", f"{named(words, intent)} {chance:.0%}") for intent, chance in each.ranking[:3]
    ] or [span("chip tag", f"{named(words, each.intent)} {each.confidence:.0%}")]
    shadow = [span("chip", words("review.shadow", intent=named(words, each.shadow)))] if each.shadow else []
    signs = [span("chip urgent", words(f"review.sign.{sign}")) for sign in each.signals]
    did = [action for action in each.actions if action not in SILENT_ACTIONS]
    return div(
        "review-facts",
        div("review-row", span("quiet-text", words("review.understood")), *lost, *ranked, *shadow),
        div("review-row", span("quiet-text", words("review.signs")), *signs) if signs else NOTHING,
        div("review-row", span("quiet-text", words("review.did")), span("did", " → ".join(did)))
        if did
        else NOTHING,
    )


def marked(words: Words, text: str, spans: Sequence[Span]) -> Markup:
    """The text with its entities; the name of each is no part of it, so that a selection counts right."""
    parts: list[str] = []
    done = 0
    for each in sorted(spans, key=lambda each: each.start):
        name = words.known("review_entity", each.entity)
        parts += [text[done : each.start], tag("mark", "", text[each.start : each.end], data_entity=name)]
        done = each.end
    return join([*parts, text[done:]])


def member(words: Words, each: ReviewCandidate, focused: bool, choice: Choice, alone: bool = False) -> Markup:
    """One message of a group; the one in focus can be marked."""
    out = each.id in choice.left_out
    text = marked(words, each.text, choice.spans.get(each.id, []))
    toggle = button(
        "toggle",
        "☐" if out else "☑",
        kind="quiet",
        value=each.id,
        aria_pressed="false" if out else "true",
        aria_label=words("review.take_part"),
    )
    kind = f"review-member{' focused' if focused else ''}{' out' if out else ''}"
    said = tag("div", "text", text, data_marking=each.id) if focused else span("text", text)
    return div(
        kind,
        NOTHING if alone else toggle,
        said if focused else button("focus", said, kind="quiet said-in", value=each.id),
    )


def stretch_bar(words: Words, entities: Sequence[str]) -> Markup:
    """What the selected stretch of text is."""
    return div(
        "review-row entity-bar",
        span("quiet-text", words("review.mark")),
        *(
            button("entity", words.known("review_entity", each), kind="button small", value=each)
            for each in entities
        ),
        button("unmark", words("review.unmark"), kind="quiet"),
    )


def choices(
    words: Words, likely: Sequence[str], intents: Collection[str], choice: Choice, count: int
) -> Markup:
    """The likeliest intents with their letters, or those that were searched for; and the other verdicts."""
    if choice.wanted:
        found = [each for each in intents if sought(words, each, choice.wanted)][:MOST_FOUND]
        shown = [verdict(named(words, each), "label", value=each) for each in found]
        shown = shown or [span("quiet-text", words("review.no_intent"))]
    else:
        shown = [
            verdict(named(words, each), "label", letter, each)
            for letter, each in zip(LETTERS, likely, strict=False)
        ]
    pair = NOTHING
    if choice.pair is not None:
        told = "、".join(named(words, each) for each in choice.pair) or "…"
        pair = div("review-row", span("chip urgent", words("review.pair", told=told)))
    return div(
        "review-choices",
        pair,
        div("review-likely", *shown),
        div(
            "review-row",
            verdict(words("review.outside"), "outside", "n"),
            verdict(words("review.two"), "two", "t", pressed=choice.pair is not None),
            verdict(words("review.skip"), "skip", "s"),
            verdict(words("review.undo"), "undo", "u"),
            verdict(words("review.second"), "ask_second", "r", pressed=choice.second),
            span("grow"),
            span("quiet-text", words("review.settles", count=count)),
        ),
    )


def verdict(
    said: str, do: str, key: str = "", value: str | int | None = None, pressed: bool | None = None
) -> Markup:
    state = None if pressed is None else "true" if pressed else "false"
    shown = [tag("kbd", "", key.upper())] if key else []
    kind = "button primary" if pressed else "button"
    return button(
        do, *shown, span("", said), kind=kind, value=value, data_key=key or None, aria_pressed=state
    )


def sought(words: Words, intent: str, wanted: str) -> bool:
    return wanted.lower() in f"{named(words, intent)} {intent}".lower()


def likeliest(members: Sequence[ReviewCandidate], label: str, intents: Collection[str]) -> list[str]:
    """The intents that stand to reason for a group: decided before, then by their chances in its members."""
    chances: dict[str, float] = {}
    for each in members:
        ranked = each.ranking or [(each.read_as, each.confidence)]
        for intent, chance in [*ranked, (each.shadow, 0.5)]:
            chances[intent] = chances.get(intent, 0) + chance
    ordered = sorted(chances, key=lambda intent: -chances[intent])
    known = [each for each in dict.fromkeys([label, *ordered]) if each in intents and each != OUTSIDE]
    return known[: len(LETTERS)]


def dispute(words: Words, reading: Reading, names: dict[int, str]) -> Markup:
    decision = reading.decision
    first = meaning(words, decision.kind, decision.intent, decision.also)
    other = meaning(words, decision.second_kind, decision.second_intent, decision.second_also)
    by, reader = (names.get(each or 0, "") for each in (decision.staff_id, decision.second_staff_id))
    return div(
        "panel dispute",
        *(div("text", each.text) for each in reading.members),
        div(
            "review-row",
            button("keep", f"{by}：{first}", kind="button small", value=decision.id),
            button("other", f"{reader}：{other}", kind="button small", value=decision.id),
            span("grow"),
            span("quiet-text", words("review.members", count=decision.count)),
        ),
    )


def meaning(words: Words, kind: str, intent: str, also: str) -> str:
    if kind in ("outside", "skip"):
        return words(f"review.{kind}")
    return " + ".join(named(words, each) for each in (intent, also) if each)
