"""Jobs and models over HTTP."""

import httpx
import pytest

from backoffice.kit.database import Database
from backoffice.staff import service as staff
from backoffice.staff.schemas import Role
from backoffice.training.models import repository
from backoffice.training.models.trainer import Trainer
from tests.backoffice.training.models.conftest import Bench

Headers = dict[str, str]


async def signed_in(client: httpx.AsyncClient, database: Database, role: Role) -> Headers:
    async with database.write() as session:
        await staff.add(session, role, role, role, "correct horse")
    answer = await client.post("/api/staff/session", json={"login": role, "password": "correct horse"})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def test_a_job_from_asking_to_its_model(
    client: httpx.AsyncClient, as_service: Headers, trainer: Trainer
) -> None:
    asked = await client.post("/api/training/jobs", json={"kind": "train", "why": "new"}, headers=as_service)
    assert asked.status_code == 202
    job = asked.json()
    assert (job["state"], job["dataset"], job["staff_id"], job["why"]) == ("queued", 2, None, "new")
    assert await trainer.work()
    done = (await client.get(f"/api/training/jobs/{job['id']}", headers=as_service)).json()
    assert (done["state"], done["progress"]) == ("done", 1.0)
    models = (await client.get("/api/training/models", headers=as_service)).json()
    assert [each["name"] for each in models["models"]] == [done["model"]]
    again = {"kind": "evaluate", "model": done["model"]}
    assert (await client.post("/api/training/jobs", json=again, headers=as_service)).status_code == 202
    jobs = (await client.get("/api/training/jobs?limit=1", headers=as_service)).json()
    assert (jobs["total"], jobs["jobs"][0]["kind"]) == (2, "evaluate")


async def test_an_admin_cancels_and_is_on_record(
    client: httpx.AsyncClient, database: Database, trainer: Trainer
) -> None:
    admin = await signed_in(client, database, "admin")
    job = (await client.post("/api/training/jobs", json={"kind": "train"}, headers=admin)).json()
    assert job["staff_id"] is not None
    path = f"/api/training/jobs/{job['id']}/cancel"
    assert (await client.post(path, headers=admin)).json()["state"] == "cancelled"
    assert (await client.post(path, headers=admin)).json()["state"] == "cancelled"
    async with database.read() as session:
        found = await repository.job(session, job["id"])
        assert found is not None
        assert found.cancelled


@pytest.mark.parametrize("role", ["agent", "supervisor"])
async def test_others_may_not(client: httpx.AsyncClient, database: Database, role: Role) -> None:
    headers = await signed_in(client, database, role)
    for path in ("jobs", "models", "jobs/1"):
        assert (await client.get(f"/api/training/{path}", headers=headers)).status_code == 403
    assert (await client.get("/api/training/jobs")).status_code == 401


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"kind": "evaluate"}, 422),
        ({"kind": "train", "model": "xiaoer-1.tar.gz"}, 422),
        ({"kind": "evaluate", "model": "../x"}, 422),
        ({"kind": "evaluate", "model": "xiaoer-1.tar.gz"}, 404),
        ({"kind": "bake"}, 422),
    ],
)
async def test_what_cannot_be_meant(
    client: httpx.AsyncClient, as_service: Headers, trainer: Trainer, asked: Headers, status: int
) -> None:
    answer = await client.post("/api/training/jobs", json=asked, headers=as_service)
    assert answer.status_code == status


async def test_a_job_that_is_not_there(client: httpx.AsyncClient, as_service: Headers, bench: Bench) -> None:
    assert (await client.get("/api/training/jobs/7", headers=as_service)).status_code == 404
    assert (await client.post("/api/training/jobs/7/cancel", headers=as_service)).status_code == 404
