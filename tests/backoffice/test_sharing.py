"""A model on trial in conversations: who gets it, and that it is taken away when it does harm."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from backoffice.conversations.models import Conversation, Message, OwnershipChange, Rating, Reading
from backoffice.conversations.ports import Trial
from backoffice.conversations.reports import outcomes
from backoffice.conversations.reports.outcomes import Arm
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.sharing import SETTLES, Following, Guard, shared
from backoffice.training.serving import service as serving
from backoffice.training.serving.models import ModelSwitch
from tests.backoffice.training.serving.conftest import ONE, TWO, Admin, admin, settings

__all__ = ["admin", "settings"]


async def talked(
    database: Database,
    name: str,
    models: Sequence[str],
    at: datetime,
    intent: str = "points",
    handed_over: bool = False,
    stars: int | None = None,
    shadow: str = "",
) -> None:
    """A conversation of one turn for each of the models, and how it went."""
    async with database.write() as session:
        session.add(
            Conversation(id=name, channel="web", sender=name, answer_channel="web", answer_sender=name)
        )
        await session.flush()
        session.add(Message(conversation_id=name, event=1, author="system", channel="web", text="?", at=at))
        for number, model in enumerate(models):
            session.add(
                Reading(
                    turn_id=f"{name}-{number}",
                    conversation_id=name,
                    intent=intent,
                    confidence=0.9,
                    model=model,
                    shadow_model=TWO if shadow else "",
                    shadow_intent=shadow,
                    at=at + timedelta(seconds=number),
                )
            )
        if handed_over:
            session.add(
                OwnershipChange(
                    conversation_id=name,
                    kind="handed_over",
                    reason="asked",
                    from_owner="bot",
                    to_owner="queue",
                    at=at + timedelta(minutes=1),
                )
            )
        if stars:
            session.add(Rating(conversation_id=name, asked_event=1, stars=stars))


async def test_a_conversation_gets_the_same_trial_each_time(admin: Admin) -> None:
    follower = Following(admin.database)
    await follower.look()
    assert follower.of("c1") is None
    await admin.do(serving.start_shadow, TWO)
    await follower.look()
    assert follower.of("c1") == Trial(TWO, answers=False)
    await admin.do(serving.start_share, TWO, 50)
    await follower.look()
    first = [follower.of(f"c{number}") for number in range(100)]
    await follower.look()
    assert [follower.of(f"c{number}") for number in range(100)] == first
    assert set(first) == {None, Trial(TWO, answers=True)}
    await admin.do(serving.stop)
    await follower.look()
    assert follower.of("c1") is None


async def test_both_models_are_told_side_by_side(admin: Admin) -> None:
    served = await admin.do(serving.start_share, TWO, 50)
    assert served.at
    database, at = admin.database, served.at + timedelta(seconds=1)
    await talked(database, "before", [ONE], served.at - timedelta(minutes=1), handed_over=True)
    await talked(database, "unknown", [""], at)
    await talked(database, "live", [ONE, ONE], at, stars=5)
    await talked(database, "lost", [ONE], at, handed_over=True)
    await talked(database, "tried", [TWO], at, intent="nlu_fallback", stars=2)
    await talked(database, "mixed", [ONE, TWO], at, handed_over=True)
    async with database.read() as session:
        found = await shared(session, served, at + timedelta(hours=1))
    assert outcomes.arm(found, tried=False) == Arm(2, 1, 0, 1, 1)
    assert outcomes.arm(found, tried=True) == Arm(2, 1, 1, 1, 0)
    assert outcomes.arm(found, tried=True).contained == 1


@pytest.mark.parametrize(("harmed_every", "stops"), [(1, True), (4, False)])
async def test_a_share_that_does_harm_is_stopped_and_says_why(
    admin: Admin, harmed_every: int, stops: bool
) -> None:
    """Of the live model's conversations every fourth goes to people."""
    share = await admin.do(serving.start_share, TWO, 50)
    began = now() - SETTLES - timedelta(minutes=30)
    async with admin.database.write() as session:
        await session.execute(update(ModelSwitch).where(ModelSwitch.id == share.id).values(at=began))
    for number in range(60):
        at = began + timedelta(seconds=number)
        await talked(admin.database, f"live-{number}", [ONE], at, handed_over=number % 4 == 0)
        await talked(admin.database, f"tried-{number}", [TWO], at, handed_over=number % harmed_every == 0)
    guard = Guard(admin.database)
    found = await guard.round()
    served = await admin.state()
    if not stops:
        assert found is None
        assert served.mode == "share"
        return
    assert found
    assert (found.candidate_harmed, found.candidate_all) == (50, 50)
    assert (served.kind, served.live, served.mode, served.staff_id) == ("stop", ONE, "", None)
    assert served.why.startswith("harm 50/50 13/50")
    assert await guard.round() is None


async def test_what_was_read_otherwise_is_counted(admin: Admin) -> None:
    at = now()
    for number, shadow in enumerate(["points", "trade_in", "", "out_of_scope"]):
        await talked(admin.database, f"c{number}", [ONE], at + timedelta(seconds=number), shadow=shadow)
    async with admin.database.read() as session:
        assert await outcomes.read_along(session, TWO, at) == (3, 2)
