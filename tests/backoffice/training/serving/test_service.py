import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from backoffice.events import audit
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.training.models.models import TrainedModel
from backoffice.training.serving import service
from backoffice.training.serving.domain import Serving
from backoffice.training.serving.service import Replica
from tests.backoffice.training.serving.conftest import ONE, THREE, TWO, Admin


async def test_at_first_nothing_is_served(database: Database) -> None:
    async with database.read() as session:
        assert await service.state(session) == Serving()
        assert await service.before(session, Serving()) == ""


async def test_a_model_that_nobody_compared_goes_live_with_a_written_reason_only(admin: Admin) -> None:
    with pytest.raises(Conflict, match="gate_objects") as refused:
        await admin.promote(TWO, override="  ")
    (objection,) = refused.value.extra["objections"]
    assert (objection["code"], objection["subject"]) == ("not_compared", TWO)
    assert (await admin.state()).live == ONE
    served = await admin.promote(TWO, override="大促前来不及 ")
    assert (served.kind, served.live, served.override) == ("promote", TWO, "大促前来不及")
    assert (served.staff_id, served.why) == (admin.staff_id, "周会定的")
    async with admin.database.read() as session:
        (entry,) = await audit.entries(session, f"model:{TWO}")
    assert (entry.action, entry.staff_id, entry.detail["override"]) == (
        "model_promote",
        admin.staff_id,
        "大促前来不及",
    )


async def test_rolling_back_goes_to_what_was_live_before_the_promotion(admin: Admin) -> None:
    with pytest.raises(Conflict, match="nothing_before"):
        await admin.do(service.roll_back)
    await admin.promote(TWO)
    await admin.do(service.start_shadow, THREE)
    await admin.promote(THREE)
    back = await admin.do(service.roll_back)
    assert (back.kind, back.live, back.candidate, back.mode) == ("rollback", TWO, "", "")
    assert (await admin.do(service.roll_back)).live == ONE, "and not to what it was rolled back from"
    with pytest.raises(Conflict, match="nothing_before"):
        await admin.do(service.roll_back)


async def test_a_candidate_is_tried_out_and_taken_away(admin: Admin) -> None:
    shadow = await admin.do(service.start_shadow, TWO)
    assert (shadow.live, shadow.candidate, shadow.mode, shadow.percent) == (ONE, TWO, "shadow", 0)
    share = await admin.do(service.start_share, TWO, 5)
    more = await admin.do(service.start_share, TWO, 20)
    assert (more.mode, more.percent) == ("share", 20)
    async with admin.database.read() as session:
        assert await service.trial_since(session, more) == share.at, "one that grows goes on"
    stopped = await admin.do(service.stop)
    assert (stopped.live, stopped.candidate, stopped.mode, stopped.percent) == (ONE, "", "", 0)
    with pytest.raises(Conflict, match="nothing_on_trial"):
        await admin.do(service.stop)
    async with admin.database.read() as session:
        found, total = await service.history(session, Page(limit=3))
    assert ([each.kind for each in found], total) == (["stop", "share", "share"], 5)


@pytest.mark.parametrize("percent", [0, 100, -1])
async def test_a_share_is_some_and_not_all(admin: Admin, percent: int) -> None:
    with pytest.raises(Invalid, match="percent_out_of_range"):
        await admin.do(service.start_share, TWO, percent)


async def test_only_another_model_that_is_there_is_served(admin: Admin) -> None:
    for verb, given in ((service.start_shadow, ()), (service.start_share, (5,)), (service.promote, ("x",))):
        with pytest.raises(Conflict, match="already_live"):
            await admin.do(verb, ONE, *given)
        with pytest.raises(NotFound, match="model_not_found"):
            await admin.do(verb, "../../etc/passwd", *given)
    await admin.promote(TWO)
    async with admin.database.write() as session:
        await session.execute(update(TrainedModel).where(TrainedModel.name == ONE).values(removed_at=now()))
    with pytest.raises(NotFound, match="model_not_found"):
        await admin.do(service.roll_back)


async def test_of_rivals_one_switches_and_the_others_are_told_by_whom(admin: Admin) -> None:
    seen = (await admin.state()).id
    deeds = [
        admin.do(service.promote, TWO, "急", seen=seen),
        admin.do(service.start_share, THREE, 10, seen=seen),
        admin.do(service.start_shadow, THREE, seen=seen),
    ]
    found = await asyncio.gather(*deeds, return_exceptions=True)
    (done,) = [each for each in found if isinstance(each, Serving)]
    lost = [each for each in found if isinstance(each, Conflict)]
    assert len(lost) == 2
    for each in lost:
        assert each.code == "switched_meanwhile"
        assert each.extra == {"who": "Ann", "kind": done.kind, "model": done.candidate or done.live}
    assert (await admin.state()) == done
    async with admin.database.read() as session:
        assert len((await session.scalars(select(audit.AuditEntry))).all()) == 1


async def test_a_model_is_live_when_every_replica_that_lives_says_so(admin: Admin) -> None:
    await admin.promote(TWO)
    served = await admin.do(service.start_shadow, THREE)
    moment = now()

    async def tell(*said: Replica) -> int:
        async with admin.database.write() as session:
            for each in said:
                await service.report(session, each)
        async with admin.database.read() as session:
            replicas = await service.replicas(session)
        assert [each.id for each in replicas] == ["bot", "bot-2"]
        return service.reached(replicas, served)

    gone = Replica("bot-3", ONE, "", "", moment - service.SEEN_WITHIN - timedelta(seconds=1))
    bots = Replica("bot", ONE, "", "", moment), Replica("bot-2", ONE, "", "坏了", moment)
    assert await tell(*bots, gone) == 0
    assert await tell(Replica("bot", TWO, "", "", moment)) == 0
    assert await tell(Replica("bot", TWO, THREE, "", moment)) == 1
    assert await tell(Replica("bot-2", TWO, THREE, "", moment)) == 2


async def test_whether_what_ships_was_ever_live(admin: Admin) -> None:
    await admin.promote(TWO)
    async with admin.database.read() as session:
        assert await service.was_live(session, "00000001")
        assert not await service.was_live(session, "00000003")
        assert not await service.was_live(session, "%")
