from datetime import timedelta

import pytest
from sqlalchemy import update

from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.training.models import service as models
from backoffice.training.models.models import TrainedModel
from backoffice.training.serving import keeping, service
from backoffice.training.serving.keeping import GRACE, OLDEST, Keeping
from tests.backoffice.training.serving.conftest import NAMES, ONE, THREE, TWO, Admin

MORE = [f"xiaoer-20260200T0000{number:02}Z-000000ff.tar.gz" for number in range(8)]


async def kept(admin: Admin) -> set[str]:
    async with admin.database.read() as session:
        return {each.name for each in (await models.models(session, Page(limit=50))).models}


async def dated(admin: Admin, name: str, **values: object) -> None:
    async with admin.database.write() as session:
        await session.execute(update(TrainedModel).where(TrainedModel.name == name).values(**values))


async def test_the_newest_stay_and_what_is_needed(
    admin: Admin, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "NEWEST", 4)
    await admin.promote(TWO)
    await admin.do(service.start_shadow, THREE)
    async with admin.database.write() as session:
        for name in MORE:
            (settings.models / name).write_bytes(name.encode())
            await models.register(session, settings.models / name, dataset=0)
    work = Keeping(admin.database, settings.models)
    assert await work.round() == 0, "files have their grace"
    assert await kept(admin) == {*NAMES, *MORE[-4:]}
    for name in MORE[:4]:
        await dated(admin, name, removed_at=now() - GRACE - timedelta(seconds=1))
    assert await work.round() == 4
    assert {each.name for each in settings.models.iterdir()} == {*NAMES, *MORE[-4:]}
    assert await work.round() == 0


async def test_the_old_ones_go_but_for_what_is_live(admin: Admin, settings: Settings) -> None:
    for name in (ONE, TWO):
        await dated(admin, name, at=now() - OLDEST - timedelta(days=1))
    await Keeping(admin.database, settings.models).round()
    assert await kept(admin) == {ONE, THREE}


async def test_one_that_was_chosen_in_that_very_moment_comes_back(admin: Admin, settings: Settings) -> None:
    await admin.do(service.start_shadow, TWO)
    await dated(admin, TWO, removed_at=now() - GRACE - timedelta(seconds=1))
    assert await Keeping(admin.database, settings.models).round() == 0
    assert TWO in await kept(admin)
    assert (settings.models / TWO).is_file()
