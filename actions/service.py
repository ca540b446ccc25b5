"""Complaints, privacy, rules and accounts: filed with a number, or answered from the knowledge base."""

from typing import Any

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import Errand, begin_form
from actions.client import Refused
from actions.forms import Form, Submission
from actions.knowledge import (
    answer_from_knowledge,
    hear_helpful,
    hear_unhelpful,
    read_article,
    say_article,
    say_special_article,
)
from actions.turn import ORDER, STOPPED, Turn, button, human

CASES = ("complaint", "privacy_request", "case_filed", "erase_filed", "case_under_way", "not_received")
TELLING = 14
"""From so many letters on, a message tells what happened and needs no question."""


async def file_case(turn: Turn, kind: str, text: str) -> list[EventType]:
    filed = await turn.shop.file_case(kind, text, turn.entity(ORDER) or turn.slot(ORDER))
    turn.say(f"case_{kind}", [human()], number=filed.number)
    return []


class Complaint(Errand):
    title = "complaint"
    informs = False

    async def answer(self, turn: Turn) -> list[EventType]:
        kind = turn.entity("kind") or "complaint"
        if turn.pressed and kind != "complaint":
            return await file_case(turn, kind, wording.piece(f"case.{kind}"))
        once = SlotSet("complaints", 1)
        if not turn.pressed and len(turn.text) >= TELLING:
            return [once, *await file_case(turn, kind, turn.text)]
        if turn.pressed or wording.says("complains", turn.text):
            return [once, *begin_form(turn, "case_form", {"case_kind": kind})]
        turn.say("vented", [human(), button("complain", "complaint")])
        return [once]


class CaseUnderWay(Errand):
    """How long it takes until a case that was just filed is settled."""

    title = "case_under_way"

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.say("case_under_way", [human()])
        return []


class PrivacyRequest(Errand):
    title = "privacy_request"
    informs = False

    async def answer(self, turn: Turn) -> list[EventType]:
        if turn.pressed:
            return begin_form(turn, "case_form", {"case_kind": "privacy"})
        asks = wording.says("question", turn.text)
        if asks and await say_special_article(turn, button("privacy", "complaint", kind="privacy")):
            return []
        if wording.says("erases", turn.text):
            return begin_form(turn, "erase_form", {"detail": turn.text})
        if len(turn.text) < TELLING and not wording.says("privacy", turn.text):
            turn.say("privacy_unclear", [button("privacy", "complaint", kind="privacy"), human()])
            return []
        return await file_case(turn, "privacy", turn.text)


class EraseForm(Form):
    """Whoever wants the account or what is known of them deleted is asked first: it cannot be taken back."""

    form = "erase_form"
    slots = ("erase_confirm",)
    own = frozenset({"privacy_request"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        return self.confirm(turn, asked)


class EraseSubmit(Submission):
    form = "erase_form"
    title = "erase_filed"

    async def submit(self, turn: Turn) -> list[EventType]:
        return await file_case(turn, "privacy", turn.slot("detail"))


class CaseForm(Form):
    form = "case_form"
    slots = ("case_text",)
    own = frozenset({"complaint", "privacy_request"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, str]:
        long = len(turn.text) >= TELLING
        asks = self.asks_else(turn) or wording.says("when_settled", turn.text)
        if turn.pressed or turn.intent == "human_handoff" or (asks and not long):
            return {}
        return {"case_text": turn.text}


class CaseSubmit(Submission):
    form = "case_form"
    title = "case_filed"

    async def answer(self, turn: Turn) -> list[EventType]:
        """Who drops a complaint has not complained."""
        dropped = [SlotSet("complaints", None)] if turn.slot(STOPPED) is True else []
        return [*dropped, *await super().answer(turn)]

    async def submit(self, turn: Turn) -> list[EventType]:
        return await file_case(turn, turn.slot("case_kind"), turn.slot("case_text"))


class Feedback(Errand):
    title = "feedback"
    also = False

    async def answer(self, turn: Turn) -> list[EventType]:
        if turn.entity("kind") == "helpful":
            return await hear_helpful(turn)
        if turn.entity("kind") == "unhelpful":
            return await hear_unhelpful(turn)
        if turn.entity("kind") == "read":
            return await read_article(turn)
        if wording.says("praise", turn.text):
            turn.say("praised")
            return []
        return await file_case(turn, "feedback", turn.text)


class MemberPoints(Errand):
    title = "member_points"

    async def answer(self, turn: Turn) -> list[EventType]:
        try:
            mine = await turn.shop.points()
        except Refused as refused:
            if refused.status != 401:
                raise
            turn.say("points_sign_in")
            return await answer_from_knowledge(turn, "no_article", human())
        card = {
            "type": "points",
            "points": mine.points,
            "level": mine.level_label,
            "next_level": mine.next_level_label,
            "points_to_next": mine.points_to_next,
        }
        turn.say(
            "points" if mine.points_to_next else "points_highest",
            (),
            card,
            points=mine.points,
            level=mine.level_label,
            next_level=mine.next_level_label or "",
            missing=mine.points_to_next or 0,
            benefits=wording.listed(mine.benefits),
        )
        if wording.says("member_rule", turn.text):
            await say_article(turn)
        return []
