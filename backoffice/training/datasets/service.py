"""The training data of the shop: the newest revision, older ones, and edits, each of which makes a new one.

Of rival edits none is lost: one that finds the data changed meanwhile is done again on what it has become.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from backoffice.events import audit
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.paging import Page
from backoffice.training.datasets import drafts, repository, verbs
from backoffice.training.datasets.differences import difference
from backoffice.training.datasets.domain import Dataset, Difference, Editor, Labelled, hashes_of
from backoffice.training.datasets.drafts import Draft, Verb
from backoffice.training.datasets.folders import shipped
from backoffice.training.datasets.models import DatasetRevision
from backoffice.training.datasets.verbs import restoring
from backoffice.training.projects import views

EDITED = "training_data_edited"
KEPT = 4
parsed = OrderedDict[tuple[int, frozenset[tuple[str, str]]], Dataset]()
"""The datasets that were asked for last, by number and content."""


async def head(session: ReadSession) -> Dataset:
    """The newest revision; what ships, number 0, until there is an edit."""
    if newest := await repository.newest(session):
        return await stored(session, newest)
    files = await asyncio.to_thread(shipped)
    return remembered(0, hashes_of(files)) or await read(0, files)


async def head_number(session: ReadSession) -> int:
    """Of the newest revision, which is not read for it."""
    newest = await repository.newest(session)
    return newest.number if newest else 0


async def at(session: ReadSession, number: int) -> Dataset:
    """Raises `NotFound` (`revision_unknown`)."""
    if revision := await repository.revision(session, number):
        return await stored(session, revision)
    if number == 0:
        return await head(session)
    raise NotFound("revision_unknown", f"there is no revision {number}")


async def stored(session: ReadSession, revision: DatasetRevision) -> Dataset:
    if dataset := remembered(revision.number, revision.files):
        return dataset
    texts = await repository.texts(session, set(revision.files.values()))
    return await read(revision.number, {path: texts[sha256] for path, sha256 in revision.files.items()})


async def read(number: int, files: Mapping[str, str]) -> Dataset:
    return remember(Dataset(number, files, await asyncio.to_thread(drafts.parsed, files)))


def remembered(number: int, hashes: Mapping[str, str]) -> Dataset | None:
    return parsed.get((number, frozenset(hashes.items())))


def remember(dataset: Dataset) -> Dataset:
    key = dataset.number, frozenset(dataset.hashes.items())
    parsed[key] = dataset
    parsed.move_to_end(key)
    while len(parsed) > KEPT:
        parsed.popitem(last=False)
    return dataset


async def draft(session: ReadSession, verb: Verb) -> Draft:
    """What a verb would make of the newest revision; raises as `drafts.draft`."""
    return await asyncio.to_thread(drafts.draft, await head(session), verb)


async def save(session: WriteSession, editor: Editor, draft: Draft) -> Dataset:
    """Make a draft the newest revision; where it is not of the newest any more, its verb is done again.

    One that changes nothing makes none. Raises as `draft`.
    """
    while draft.difference.files:
        base, result = draft.base, draft.result
        if base.number == 0:
            await repository.claim(session, 0, why="", changes={}, files=base.hashes)
        changes = draft.difference.summary()
        told = {"staff_id": editor.staff_id, "why": editor.why, "changes": changes, "files": result.hashes}
        if await repository.claim(session, result.number, **told):
            await repository.keep(session, new_texts(draft))
            if editor.staff_id is not None:
                subject = f"dataset:{result.number}"
                await audit.record(session, editor.staff_id, EDITED, subject, editor.why, **changes)
            return remember(result)
        draft = await asyncio.to_thread(drafts.draft, await head(session), draft.verb)
    return draft.base


def new_texts(draft: Draft) -> dict[str, str]:
    """The files that are not stored, by their hashes."""
    known = {} if draft.base.number == 0 else draft.base.hashes
    texts = dict[str, str]()
    for dataset in (draft.base, draft.result):
        texts |= {dataset.hashes[path]: text for path, text in dataset.files.items()}
    return {sha256: text for sha256, text in texts.items() if sha256 not in known.values()}


async def edit(session: WriteSession, editor: Editor, verb: Verb) -> Dataset:
    """Do a verb to the newest revision. Raises as `draft`."""
    return await save(session, editor, await draft(session, verb))


async def add_examples(session: WriteSession, editor: Editor, examples: Sequence[Labelled]) -> Dataset:
    """More sentences of intents that are there, in the shop's own file; what an intent has it does not get
    twice.

    Raises `NotFound` (`intent_unknown`), `Invalid` (`example_invalid`, `training_data_unsound`).
    """
    return await edit(session, editor, lambda project: verbs.add_examples(project, examples))


async def add_story(session: WriteSession, editor: Editor, story: Mapping[str, Any]) -> Dataset:
    """One more test conversation: `story`, its name, and `steps` as Rasa writes them.

    Raises `Invalid` (`training_data_unreadable`, `training_data_unsound`), `Conflict` (`story_exists`).
    """
    return await edit(session, editor, lambda project: verbs.add_story(project, story))


async def restore(session: WriteSession, editor: Editor, number: int, intent: str | None = None) -> Dataset:
    """The data become again what a revision says, or only the sentences of an intent do.

    Raises `NotFound` (`revision_unknown`, `intent_unknown`), and as `draft`.
    """
    old = (await at(session, number)).project
    return await edit(session, editor, restoring(old, intent))


async def history(session: ReadSession, page: Page) -> list[DatasetRevision]:
    """The newest first."""
    return await repository.revisions(session, page)


async def changed(session: ReadSession, number: int) -> Difference:
    """What a revision says that the one before did not. Raises `NotFound` (`revision_unknown`)."""
    before, after = await at(session, number - 1), await at(session, number)
    return await asyncio.to_thread(difference, before.project, after.project)


async def intents(session: ReadSession) -> list[str]:
    """The names of those that have examples."""
    return views.intent_names((await head(session)).project)
