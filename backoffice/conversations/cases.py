"""What is filed for people to look into."""

from backoffice.conversations import repository
from backoffice.conversations.domain import storable
from backoffice.conversations.models import Case
from backoffice.conversations.schemas import CaseRequest, Cases, CaseView
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.ids import case_number
from backoffice.kit.messages import message
from backoffice.kit.time import now
from backoffice.users.identity import Shopper


async def file_case(session: WriteSession, shopper: Shopper, request: CaseRequest) -> CaseView:
    """File something for people to look into, under a number the shopper can quote."""
    case = await open_case(
        session,
        request.kind,
        request.text,
        shopper.customer_id,
        shopper.conversation_id,
        request.order_number,
    )
    return case_view(case)


async def open_case(
    session: WriteSession,
    kind: str,
    text: str,
    customer_id: int | None,
    conversation_id: str | None,
    order_number: str = "",
) -> Case:
    moment = now()
    case = Case(
        number=case_number("C", moment),
        kind=kind,
        customer_id=customer_id,
        conversation_id=conversation_id,
        order_number=order_number,
        text=storable(text),
        state="open",
        at=moment,
    )
    session.add(case)
    await session.flush()
    return case


async def cases(session: ReadSession, shopper: Shopper) -> Cases:
    """What this shopper filed, newest first."""
    found = await repository.cases_of(session, shopper.customer_id, shopper.conversation_id)
    return Cases(cases=[case_view(case) for case in found])


def case_view(case: Case) -> CaseView:
    return CaseView(
        number=case.number,
        kind=case.kind,
        kind_label=message("conversations", f"case.{case.kind}"),
        text=case.text,
        order_number=case.order_number,
        state=case.state,
        at=case.at,
    )
