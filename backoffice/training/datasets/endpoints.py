"""Training data over HTTP, for admins and the command line. `dry_run`: tell what would be, keep nothing."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from backoffice.kit.database import Database, Reading, database_of
from backoffice.kit.fields import EventNumber, Text
from backoffice.kit.paging import Paging
from backoffice.training.access import Asking
from backoffice.training.datasets import nearness, retiring, schemas, service, verbs
from backoffice.training.datasets.archives import importing, pack, unpack
from backoffice.training.datasets.domain import Difference, Editor, Labelled
from backoffice.training.datasets.drafts import Verb
from backoffice.training.datasets.schemas import Edited
from backoffice.training.projects.views import intents

router = APIRouter(prefix="/api/training/data", tags=["training"])
IMPORT = re.compile(r"/api/training/data/import")
MOST_TOLD = 1000
FILES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}}
            for media in ("application/zip", "application/yaml")
        },
    }
}
AtDatabase = Annotated[Database, Depends(database_of)]
Why = Annotated[Text, Query(max_length=500)]


class Zip(Response):
    media_type = "application/zip"


class Desk:
    """Whoever edits, before the data."""

    def __init__(self, asking: Asking, database: AtDatabase, dry_run: bool = False) -> None:
        self._asking, self._database, self._dry_run = asking, database, dry_run

    async def edit(self, why: str, verb: Verb) -> Edited:
        """A draft is made before the data are locked."""
        async with self._database.read() as session:
            draft = await service.draft(session, verb)
        if self._dry_run or not draft.difference.files:
            return told(draft.difference, None)
        async with self._database.write() as session:
            saved = await service.save(session, Editor(self._asking, why), draft)
        return told(draft.difference, saved.number)


Editing = Annotated[Desk, Depends()]


def told(difference: Difference, number: int | None) -> Edited:
    added, removed = (
        [schemas.Sentence.model_construct(intent=each.intent, text=each.marked) for each in said[:MOST_TOLD]]
        for said in (difference.added, difference.removed)
    )
    touched = [schemas.TouchView(**vars(each)) for each in difference.touched[:MOST_TOLD]]
    return Edited(number=number, added=added, removed=removed, touched=touched, files=list(difference.files))


@router.get("")
async def head(_: Asking, session: Reading) -> schemas.DatasetView:
    dataset = await service.head(session)
    counts = [
        schemas.IntentCount(name=name, sentences=len(intent.examples))
        for name, intent in intents(dataset.project).items()
    ]
    return schemas.DatasetView(
        number=dataset.number, fingerprint=dataset.fingerprint, intents=counts, files=sorted(dataset.files)
    )


@router.get("/export", response_class=Zip)
async def export(_: Asking, session: Reading, number: EventNumber | None = None) -> Zip:
    """The files of a revision, of the newest if none is named, as `import` takes them in."""
    dataset = await (service.head(session) if number is None else service.at(session, number))
    headers = {"Content-Disposition": f'attachment; filename="xiaoer-data-{dataset.number}.zip"'}
    return Zip(pack(dataset.files), headers=headers)


@router.post("/import", openapi_extra=FILES)
async def take_in(
    editing: Editing,
    request: Request,
    name: Annotated[
        Text, Query(max_length=200, description="of the file, e.g. nlu_data/shop.yml")
    ] = "upload.zip",
    whole: bool = False,
    why: Why = "",
) -> Edited:
    """A zip of Rasa YAML, or one file of it. `whole`: files that it does not hold go."""
    upload = unpack(name, await request.body())
    edited = await editing.edit(why, importing(upload, whole))
    return edited.model_copy(update={"left_out": upload.left_out})


@router.post("/check")
async def check(_: Asking, session: Reading, new: schemas.NewSentences) -> schemas.Findings:
    """Which of the sentences that there are lie nearest to new ones."""
    findings = nearness.check(await service.head(session), labelled(new))
    return schemas.Findings(findings=[finding(each) for each in findings])


def labelled(new: schemas.NewSentences) -> list[Labelled]:
    return [Labelled(each.intent, each.text) for each in new.sentences]


def finding(found: nearness.Finding) -> schemas.FindingView:
    def view(neighbour: nearness.Neighbour | None) -> schemas.NeighbourView | None:
        return schemas.NeighbourView(**vars(neighbour)) if neighbour else None

    return schemas.FindingView(
        intent=found.example.intent,
        text=found.example.marked,
        same=view(found.same),
        near=view(found.near),
        border=found.border,
        neighbours=[schemas.NeighbourView(**vars(each)) for each in found.neighbours],
    )


@router.post("/sentences")
async def add_sentences(editing: Editing, new: schemas.NewSentences) -> Edited:
    return await editing.edit(new.why, lambda project: verbs.add_examples(project, labelled(new)))


@router.post("/intents")
async def add_intent(editing: Editing, new: schemas.NewIntent) -> Edited:
    """A new intent with its answer and the rule that joins them."""
    return await editing.edit(
        new.why, lambda project: verbs.add_intent(project, new.name, new.sentences, new.answer)
    )


@router.post("/intents/{name}/rename")
async def rename(editing: Editing, name: Text, new: schemas.NewName) -> Edited:
    return await editing.edit(new.why, lambda project: retiring.rename(project, name, new.name))


@router.post("/intents/{name}/merge")
async def merge(editing: Editing, name: Text, into: schemas.NewName) -> Edited:
    return await editing.edit(into.why, lambda project: retiring.merge(project, name, into.name))


@router.delete("/intents/{name}")
async def retire(editing: Editing, name: Text, why: Why = "") -> Edited:
    return await editing.edit(why, lambda project: retiring.retire(project, name))


@router.get("/revisions")
async def revisions(_: Asking, session: Reading, page: Paging) -> schemas.Revisions:
    """The newest first; none until there is an edit."""
    found = await service.history(session, page)
    told = [schemas.RevisionView.model_validate(each, from_attributes=True) for each in found]
    return schemas.Revisions(revisions=told)


@router.get("/revisions/{number}")
async def revision(_: Asking, session: Reading, number: EventNumber) -> Edited:
    """What it changed."""
    return told(await service.changed(session, number), number)


@router.post("/revisions/{number}/restore")
async def restore(editing: Editing, session: Reading, number: EventNumber, asked: schemas.Restored) -> Edited:
    """The data, or the sentences of an intent, become again what they were: a new revision."""
    old = await service.at(session, number)
    return await editing.edit(asked.why, verbs.restoring(old.project, asked.intent))
