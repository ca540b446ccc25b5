"""Returns and exchanges over HTTP."""

from fastapi import APIRouter

from backoffice.kit.database import Reading
from backoffice.returns import service
from backoffice.returns.domain import Kind
from backoffice.returns.schemas import AskReturn, Returnable, Returns, ReturnView
from backoffice.users.identity import Acting, Asking

router = APIRouter(prefix="/api", tags=["returns"])


@router.get("/orders/{number}/returnable")
async def returnable(session: Reading, shopper: Asking, number: str, kind: Kind = "return") -> Returnable:
    return await service.returnable(session, shopper, number, kind)


@router.post("/orders/{number}/returns")
async def ask(errand: Acting, number: str, asked: AskReturn) -> ReturnView:
    return await errand.once(ReturnView, lambda session: service.ask(session, errand.shopper, number, asked))


@router.get("/returns")
async def returns(session: Reading, shopper: Asking, order_number: str | None = None) -> Returns:
    return await service.returns(session, shopper, order_number)


@router.get("/returns/{number}")
async def one(session: Reading, shopper: Asking, number: str) -> ReturnView:
    return await service.one(session, shopper, number)


@router.post("/returns/{number}/undo")
async def undo(errand: Acting, number: str) -> ReturnView:
    return await errand.once(ReturnView, lambda session: service.undo(session, errand.shopper, number))
