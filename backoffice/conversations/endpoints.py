"""Handing over and cases over HTTP; what is said comes through the channels."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from backoffice.conversations import cases, service
from backoffice.conversations.desk.domain import Hours
from backoffice.conversations.history import MOST, history
from backoffice.conversations.schemas import (
    CaseRequest,
    Cases,
    CaseView,
    HandoffRequest,
    History,
    QueuePlace,
)
from backoffice.kit.database import Reading
from backoffice.kit.errors import Invalid
from backoffice.kit.fields import Text
from backoffice.knowledge import questions
from backoffice.knowledge.schemas import Noted, QuestionNote
from backoffice.settings import Settings, settings_of
from backoffice.users.identity import Acting, Asking

router = APIRouter(prefix="/api", tags=["conversations"])


@router.post("/handoff")
async def hand_over(
    request: HandoffRequest, errand: Acting, settings: Annotated[Settings, Depends(settings_of)]
) -> QueuePlace:
    """Give the conversation to people; the bot is silent from then on."""
    conversation_id = errand.shopper.conversation_id
    if conversation_id is None:
        raise Invalid("no_conversation", "only a conversation can be handed over")
    hours = Hours.parse(settings.service_hours)
    return await errand.once(
        QueuePlace,
        lambda session: service.hand_over(session, conversation_id, request.reason, hours, request.skill),
    )


@router.get("/me/history")
async def said_with_me(
    who: Asking,
    session: Reading,
    before: Annotated[Text, Query(max_length=120)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> History:
    """What the signed-in shopper said and was told in every channel, by time; `before`: `older` of a page."""
    return await history(session, who.signed_in, before, limit)


@router.post("/cases", status_code=201)
async def file_case(request: CaseRequest, errand: Acting) -> CaseView:
    """File something for people to look into; the number in the answer can be quoted."""
    return await errand.once(CaseView, lambda session: cases.file_case(session, errand.shopper, request))


@router.get("/cases")
async def filed_cases(shopper: Asking, session: Reading) -> Cases:
    """What this shopper filed, newest first, fifty at most."""
    return await cases.cases(session, shopper)


@router.post("/knowledge/questions", status_code=201)
async def note_question(note: QuestionNote, errand: Acting) -> Noted:
    """Keep how a question fared, for those who write the articles."""
    voter = errand.shopper.scope
    return await errand.once(Noted, lambda session: questions.note(session, note, voter))
