"""Plans over HTTP, for supervisors and admins."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from backoffice.fulfillment.batches.schemas import NewBatch, News
from backoffice.fulfillment.batches.service import Batches
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView

router = APIRouter(prefix="/api/plans", tags=["fulfillment"])

LINES = "application/x-ndjson"
Supervisor = Annotated[StaffView, Depends(staff("supervisor", "admin"))]


async def batches_of(connection: HTTPConnection) -> Batches:
    batches: Batches = connection.app.state.batches
    return batches


@router.post(
    "/batch",
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {"schema": News.model_json_schema()}}}},
)
async def batch(
    asked: NewBatch, _: Supervisor, batches: Annotated[Batches, Depends(batches_of)]
) -> StreamingResponse:
    """Plan orders together without placing them: a JSON line for each step, the plan in the last.

    Raises 429 `batch_running` while another is planned.
    """
    news = batches.run(asked)
    first = await anext(news)

    async def written() -> AsyncIterator[str]:
        yield first.model_dump_json(exclude_none=True) + "\n"
        async with aclosing(news):
            async for each in news:
                yield each.model_dump_json(exclude_none=True) + "\n"

    return StreamingResponse(written(), media_type=LINES)
