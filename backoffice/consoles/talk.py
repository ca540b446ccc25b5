"""The open conversation: its head, its lines and what may be done with it now."""

from datetime import datetime

from nicegui import ui

from backoffice.consoles.inbox import span_of, waiting
from backoffice.consoles.lines import People, staff_in, thread_rows
from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, join, span, tag
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.conversations.desk import inbox, thread
from backoffice.conversations.desk.thread import LINES_AT_ONCE, Thread
from backoffice.conversations.schemas import Summary
from backoffice.kit.time import now
from backoffice.staff import service as staff

KEYS = {
    "claim": "C",
    "take_over": "C",
    "transfer": "T",
    "give_back": "B",
    "snooze": "Z",
    "resolve": "E",
    "reopen": "O",
    "tags": "G",
    "priority": "P",
    "merge": "M",
}
"""The key of each verb, shown on its button and heard by the page."""
PRIMARY = ("claim", "take_over", "reopen", "resolve")


def possible(found: Thread, me: int) -> list[str]:
    """What this person may do with the conversation as it stands, the likeliest first."""
    if found.merged_into:
        return []
    if found.status == "resolved":
        return ["reopen", "tags"]
    mine = found.owner == "agent" and found.agent_id == me
    first = ["transfer", "give_back", "snooze", "resolve"] if mine else ["take_over"]
    if found.owner == "queue":
        first = ["claim", "transfer"]
    merge = ["merge"] if found.customer_id and mine else []
    return [*first, "tags", "priority", *merge]


def verb_button(words: Words, verb: str) -> Markup:
    kind = "button primary" if verb in PRIMARY else "button"
    hint = f"{words(f'verb.{verb}')} ({KEYS[verb]})"
    return button(
        "verb",
        span("label", words(f"verb.{verb}")),
        tag("kbd", "", KEYS[verb], aria_hidden="true"),
        kind=kind,
        value=verb,
        title=hint,
    )


def head(
    words: Words, found: Thread, summary: Summary, customer: str, people: People, me: int, limit: float
) -> Markup:
    verbs = possible(found, me)
    shown = [verb for verb in verbs if verb not in ("tags", "priority", "merge")]
    rest = [verb for verb in verbs if verb not in shown]
    answers = people[found.agent_id].name if found.owner == "agent" and found.agent_id in people else ""
    chips = [
        span(
            f"dot {found.owner}",
            words("with_agent", name=answers) if answers else words(f"owner.{found.owner}"),
        ),
        span("chip channel", words.known("channel", found.answer_channel)),
        span("chip", words(f"status.{found.status}")) if found.status != "open" else NOTHING,
        span("chip urgent", words(f"priority.{found.priority}")) if found.priority else NOTHING,
        span("chip", words.known("skill", found.skill)) if found.skill not in ("", found.reason) else NOTHING,
        span("chip", words.known("reason", found.reason)) if found.reason else NOTHING,
        *(span("chip tag", each) for each in found.tags),
        waiting(words, summary, now(), limit),
    ]
    more = tag(
        "details",
        "more",
        tag("summary", "button", "⋯", aria_label=words("more_verbs")),
        div("more-list", *(verb_button(words, verb) for verb in rest)),
        data_keep=f"more {found.id}",
    )
    return join(
        [
            div(
                "head-top",
                button("back", "‹", kind="button back", aria_label=words("back")),
                tag("h1", "head-name", customer),
                span("grow"),
                button("customer", words("customer_card"), kind="button to-customer"),
            ),
            div("head-chips", *chips),
            div("verbs", *(verb_button(words, verb) for verb in shown), more if rest else NOTHING),
        ]
    )


def allowance_line(words: Words, found: Thread, moment: datetime) -> str:
    """How many pushes the channel still allows, and until when."""
    if found.allowance is None:
        return ""
    left, until = found.allowance.left, found.allowance.until
    if left <= 0 or until is None or until <= moment:
        return ""
    return words("allowance", left=left, rest=span_of(words, until - moment))


def blocked(words: Words, found: Thread, me: int, moment: datetime, people: People) -> str:
    """Why nothing can be sent to the shopper now; empty: it can."""
    if found.merged_into:
        return words("blocked.merged")
    if found.status == "resolved":
        return words("blocked.resolved")
    if found.owner == "agent" and found.agent_id not in (None, me):
        name = people[found.agent_id].name if found.agent_id in people else words("somebody")
        return words("blocked.colleague", name=name)
    if found.allowance is not None:
        until = found.allowance.until
        if until is None or until <= moment:
            return words("blocked.window_closed")
        if found.allowance.left <= 0:
            return words("blocked.quota_used", rest=span_of(words, until - moment))
    return ""


class Talk:
    """The pane; `found` is the conversation as it was drawn last."""

    def __init__(self, visit: Visit, metered: frozenset[str]) -> None:
        self._visit, self._metered = visit, metered
        self.id: str | None = None
        self.found: Thread | None = None
        self.people: People = {}
        self.customer = ""
        self._limit = LINES_AT_ONCE

    def build(self) -> None:
        words = self._visit.words
        with ui.element("section").classes("pane talk").props(f'aria-label="{words("conversation")}"'):
            self._head = ui.html("", sanitize=False).classes("head")
            with (
                ui.element("div")
                .classes("lines")
                .props('role="log" aria-live="polite" tabindex="0"') as lines
            ):
                self._lines = Rows(lines)
            self._around = ui.html("", sanitize=False).classes("around")
            self._composer = ui.html(composer(words), sanitize=False).classes("composer-place hidden")

    def open(self, conversation_id: str | None) -> None:
        self.id, self.found, self._limit = conversation_id, None, LINES_AT_ONCE

    def earlier(self) -> None:
        self._limit += LINES_AT_ONCE

    async def refresh(self, customer: str, summary: Summary | None) -> None:
        """Draw what is open; nothing open: an invitation to choose."""
        visit, words = self._visit, self._visit.words
        self._composer.classes(add="" if self.id else "hidden", remove="hidden" if self.id else "")
        if self.id is None or summary is None:
            self._head.content = ""
            self._lines.show({"none": div("empty", div("empty-mark", "💬"), words("choose"))})
            return
        async with visit.database.read() as session:
            found = await thread.read(session, self.id, self._metered, self._limit)
            self.people = await staff.members(session, staff_in(found))
        self.found, self.customer = found, customer
        limit = visit.settings.queue_wait_limit
        self._head.content = head(words, found, summary, customer, self.people, visit.who.id, limit)
        self._lines.show(thread_rows(words, found, self.people, now()))

    async def mark_seen(self) -> None:
        found, me = self.found, self._visit.who.id
        if found and found.agent_id == me and found.last_event:
            async with self._visit.database.write() as session:
                await inbox.seen(session, found.id, me, found.last_event)

    def around(self, markup: Markup) -> None:
        """Who else is here or types."""
        self._around.content = markup

    def composer_state(self) -> dict[str, object]:
        """What the composer in the browser must know."""
        found, words, me, moment = self.found, self._visit.words, self._visit.who.id, now()
        if found is None:
            return {"conversation": None}
        hint = "hint.takes" if found.owner in ("bot", "queue") else "hint.reply"
        return {
            "conversation": found.id,
            "seen": found.last_event,
            "blocked": blocked(words, found, me, moment, self.people),
            "allowance": allowance_line(words, found, moment),
            "hint": words(hint),
        }


def composer(words: Words) -> Markup:
    """Where an answer or a note is written; the browser's script knows the rest."""

    def mode(name: str, key: str) -> Markup:
        return tag(
            "button",
            "mode",
            words(f"mode.{name}"),
            tag("kbd", "", key),
            type="button",
            data_mode=name,
            aria_pressed="true" if name == "reply" else "false",
        )

    return div(
        "composer",
        div("blocked", role="status"),
        div(
            "composer-top",
            mode("reply", "R"),
            mode("note", "N"),
            span("grow"),
            span("allowance"),
            button("suggest", words("suggest"), tag("kbd", "", "S"), kind="quiet"),
            tag("button", "quiet", words("canned"), tag("kbd", "", "/"), type="button", data_canned=True),
        ),
        div("palette", role="listbox", aria_label=words("canned"), id="palette"),
        div("attached"),
        div("macro-line"),
        tag(
            "textarea",
            "",
            rows=2,
            maxlength=2000,
            aria_label=words("write"),
            id="composer",
            aria_controls="palette",
            data_note=words("hint.note"),
            enterkeyhint="send",
        ),
        div(
            "composer-bottom",
            tag(
                "label",
                "quiet attach",
                "📎 ",
                words("attach"),
                tag(
                    "input", "", type="file", accept="image/jpeg,image/png,image/webp,image/gif", hidden=True
                ),
            ),
            tag(
                "label",
                "quiet enter",
                tag("input", "", type="checkbox", data_enter=True),
                words("enter_sends"),
            ),
            span("grow"),
            button("help", "?", kind="quiet", title=words("help.title")),
            tag("button", "button primary send", words("send"), type="button", data_send=True),
        ),
    )
