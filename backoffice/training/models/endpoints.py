"""Jobs and models over HTTP, for admins and the command line."""

from fastapi import APIRouter

from backoffice.kit.database import Reading, Writing
from backoffice.kit.fields import RowId
from backoffice.kit.paging import Paging
from backoffice.training.access import Asking
from backoffice.training.datasets import service as datasets
from backoffice.training.models import service
from backoffice.training.models.schemas import Jobs, JobView, Models, NewJob

router = APIRouter(prefix="/api/training", tags=["training"])


@router.get("/jobs")
async def jobs(_: Asking, session: Reading, page: Paging) -> Jobs:
    """The newest first."""
    return await service.jobs(session, page)


@router.post("/jobs", status_code=202)
async def ask(asking: Asking, session: Writing, asked: NewJob) -> JobView:
    """Train what the shop's data says now, or judge a model; the job that waits already if it is the same."""
    head = await datasets.head_number(session)
    return await service.ask(session, asked.kind, asking, asked.why, head, asked.model)


@router.get("/jobs/{job_id}")
async def job(_: Asking, session: Reading, job_id: RowId) -> JobView:
    return await service.job(session, job_id)


@router.post("/jobs/{job_id}/cancel", status_code=202)
async def cancel(asking: Asking, session: Writing, job_id: RowId) -> JobView:
    """End it, at once if it waits, within seconds if it runs; one that is over stays as it is."""
    return await service.cancel(session, job_id, asking)


@router.get("/models")
async def models(_: Asking, session: Reading, page: Paging) -> Models:
    """Those whose file is there, the newest first."""
    return await service.models(session, page)
