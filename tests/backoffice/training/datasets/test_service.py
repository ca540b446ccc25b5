import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from backoffice.events import audit
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.paging import Page
from backoffice.staff.models import StaffMember
from backoffice.training.datasets import service
from backoffice.training.datasets.domain import Editor, Labelled
from backoffice.training.datasets.fingerprints import ROOT, fingerprint
from backoffice.training.datasets.folders import materialise, shipped
from backoffice.training.datasets.models import DatasetFile, DatasetRevision
from backoffice.training.projects.editing import remove_example
from backoffice.training.projects.rasa_yaml import Project
from backoffice.training.projects.renaming import rename_intent
from backoffice.training.projects.views import intents


@pytest.fixture
async def editor(database: Database) -> Editor:
    async with database.write() as session:
        member = StaffMember(login="ann", name="Ann", role="admin", password_hash="")
        session.add(member)
    return Editor(member.id, "以旧换新常被听错")


def said(project: Project, intent: str) -> list[str]:
    return [each.marked for each in intents(project)[intent].examples]


async def test_until_an_edit_the_data_are_what_ships(database: Database, tmp_path: Path) -> None:
    async with database.read() as session:
        head = await service.head(session)
        assert await service.at(session, 0) is head
        assert "order_status" in await service.intents(session)
        with pytest.raises(NotFound, match="revision_unknown"):
            await service.at(session, 1)
    assert head.number == 0
    assert head.files == shipped()
    assert head.fingerprint == fingerprint()
    materialise(head, tmp_path)
    assert shipped(tmp_path) == shipped()
    assert fingerprint(data=tmp_path) == fingerprint()


async def test_an_edit_makes_a_revision_and_leaves_the_others(
    database: Database, editor: Editor, tmp_path: Path
) -> None:
    async with database.write() as session:
        first = await service.add_examples(session, editor, [Labelled("order_status", "旧的那单去哪了")])
    async with database.write() as session:
        second = await service.edit(
            session, editor, lambda project: remove_example(project, intents(project)["thanks"].examples[0])
        )
    service.parsed.clear()
    async with database.read() as session:
        assert (await service.head(session)).files == second.files
        assert (await service.at(session, 1)).files == first.files
        assert (await service.at(session, 0)).files == shipped()
        kept = {each.number: each for each in await session.scalars(select(DatasetRevision))}
        assert await audit.entries(session, "dataset:2")
    assert said(first.project, "order_status")[-1] == "旧的那单去哪了"
    assert len(said(second.project, "thanks")) == len(said(first.project, "thanks")) - 1
    assert kept[0].staff_id is None
    assert (kept[1].staff_id, kept[1].why) == (editor.staff_id, editor.why)
    assert kept[1].changes == {
        "added": {"order_status": 1},
        "removed": {},
        "touched": [],
        "files": ["nlu_data/shop.yml"],
    }
    materialise(second, tmp_path)
    assert second.fingerprint == fingerprint(ROOT, tmp_path) != first.fingerprint != fingerprint()


async def test_what_changes_nothing_makes_no_revision(database: Database, editor: Editor) -> None:
    async with database.write() as session:
        head = await service.head(session)
        again = Labelled("thanks", said(head.project, "thanks")[0])
        assert await service.add_examples(session, editor, [again]) is head
        assert not await session.scalar(select(func.count()).select_from(DatasetRevision))


async def test_of_rival_edits_none_is_lost(database: Database, editor: Editor) -> None:
    """The first of all among them, which stores what ships too."""

    async def add(number: int) -> int:
        async with database.write() as session:
            sentence = Labelled("order_status", f"第{number}个人问的单子")
            return (await service.add_examples(session, editor, [sentence])).number

    assert sorted(await asyncio.gather(*map(add, range(8)))) == list(range(1, 9))
    service.parsed.clear()
    async with database.read() as session:
        head = await service.head(session)
        files = await session.scalar(select(func.count()).select_from(DatasetFile))
    assert {f"第{number}个人问的单子" for number in range(8)} <= set(said(head.project, "order_status"))
    assert files == len(set(shipped().values())) + 8


async def test_a_draft_is_done_again_on_what_the_data_have_become(database: Database, editor: Editor) -> None:
    async with database.read() as session:
        example = intents((await service.head(session)).project)["thanks"].examples[0]
        drafts = [
            await service.draft(session, lambda project: rename_intent(project, "thanks", "gratitude")),
            *[await service.draft(session, lambda project: remove_example(project, example))] * 2,
        ]
    async with database.write() as session:
        added = [Labelled("thanks", "劳您费心了哈")]
        await service.add_examples(session, editor, added)
    async with database.write() as session:
        renamed = await service.save(session, editor, drafts[0])
    assert said(renamed.project, "gratitude")[-1] == "劳您费心了哈"
    async with database.write() as session:
        removed = await service.save(session, editor, drafts[1])
    assert said(removed.project, "gratitude") == said(renamed.project, "gratitude")[1:]
    with pytest.raises(Conflict, match="example_changed"):
        async with database.write() as session:
            await service.save(session, editor, drafts[2])


async def test_an_edit_that_fails_leaves_nothing(database: Database, editor: Editor) -> None:
    with pytest.raises(NotFound, match="intent_unknown"):
        async with database.write() as session:
            await service.add_examples(session, editor, [Labelled("nothing", "x")])
    with pytest.raises(Invalid, match="example_invalid"):
        async with database.write() as session:
            await service.add_examples(session, editor, [Labelled("thanks", '[x]{"entity": 1}')])
    with suppress(ZeroDivisionError):
        async with database.write() as session:
            await service.add_examples(session, editor, [Labelled("thanks", "劳您费心了哈")])
            raise ZeroDivisionError
    async with database.read() as session:
        assert (await service.head(session)).number == 0


async def test_a_conversation_becomes_a_test(database: Database, editor: Editor) -> None:
    story = {
        "story": "from a conversation",
        "steps": [{"user": "谢谢", "intent": "thanks"}, {"action": "action_thanks"}],
    }
    async with database.write() as session:
        dataset = await service.add_story(session, editor, story)
    assert dataset.files["tests/stories/test_shop.yml"].endswith(
        """stories:
- story: from a conversation
  steps:
  - user: 谢谢
    intent: thanks
  - action: action_thanks
"""
    )
    with pytest.raises(Conflict, match="story_exists"):
        async with database.write() as session:
            await service.add_story(session, editor, story)
    with pytest.raises(Invalid, match=r"tests/stories/test_shop\.yml:.*must have a name"):
        async with database.write() as session:
            await service.add_story(session, editor, {"steps": []})


async def test_what_was_comes_back_as_a_new_revision(database: Database, editor: Editor) -> None:
    async with database.write() as session:
        await service.add_examples(session, editor, [Labelled("thanks", "劳您费心了哈")])
    async with database.write() as session:
        await service.add_examples(session, editor, [Labelled("greet", "在不在呀老板")])
    async with database.write() as session:
        third = await service.restore(session, editor, 0, "thanks")
    assert "劳您费心了哈" not in said(third.project, "thanks")
    assert "在不在呀老板" in said(third.project, "greet")
    async with database.write() as session:
        fourth = await service.restore(session, editor, 0)
        assert fourth.files == shipped()
        assert fourth.fingerprint == fingerprint()
        with pytest.raises(NotFound, match="intent_unknown"):
            await service.restore(session, editor, 0, "nothing")
        with pytest.raises(NotFound, match="revision_unknown"):
            await service.restore(session, editor, 9)
    async with database.read() as session:
        assert [each.number for each in await service.history(session, Page(limit=3))] == [4, 3, 2]
        assert (await service.changed(session, 3)).removed == [Labelled("thanks", "劳您费心了哈")]
        assert (await service.changed(session, 4)).files == ["nlu_data/shop.yml"]
