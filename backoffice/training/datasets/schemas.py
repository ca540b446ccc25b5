"""What crosses the API of the training data."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from backoffice.kit.examples import example
from backoffice.kit.fields import Text
from backoffice.training.datasets.domain import How, What

MARKED = "a sentence, its entities marked as Rasa marks them: 从[上海](place)寄"
Why = Annotated[Text, StringConstraints(strip_whitespace=True), Field(max_length=500)]
Name = Annotated[Text, Field(min_length=1, max_length=80)]
Marked = Annotated[Text, Field(min_length=1, max_length=500, description=MARKED)]
SENTENCE = {"intent": "trade_in", "text": "旧手机能抵多少钱"}


class IntentCount(BaseModel):
    name: str
    sentences: int


class DatasetView(BaseModel):
    """`number`: of the revision, 0 for what ships. `fingerprint`: of a model trained from it."""

    model_config = example(
        number=3,
        fingerprint="a007720a",
        intents=[{"name": "trade_in", "sentences": 40}],
        files=["nlu_data/shop.yml"],
    )

    number: int
    fingerprint: str
    intents: list[IntentCount]
    files: list[str]


class Sentence(BaseModel):
    model_config = example(**SENTENCE)

    intent: Name
    text: Marked


class NewSentences(BaseModel):
    model_config = example(sentences=[SENTENCE], why="上周常被听错")

    sentences: list[Sentence] = Field(min_length=1, max_length=200)
    why: Why = ""


class NewIntent(BaseModel):
    model_config = example(
        name="trade_in",
        sentences=["旧手机能抵多少钱"],
        answer="旧机可以抵钱，下单时选“以旧换新”。",
        why="上周 40 人问",
    )

    name: Name
    sentences: list[Marked] = Field(min_length=1, max_length=200)
    answer: Text = Field(min_length=1, max_length=2000)
    why: Why = ""


class NewName(BaseModel):
    """`name`: of a new intent, or of one that is there, with which the old becomes one."""

    model_config = example(name="swap", why="和门店叫法一致")

    name: Name
    why: Why = ""


class Restored(BaseModel):
    """`intent`: only its sentences."""

    model_config = example(intent="trade_in", why="改错了")

    intent: Name | None = None
    why: Why = ""


class TouchView(BaseModel):
    what: What
    name: str
    how: How


class Edited(BaseModel):
    """What an edit does; `number`: of the revision that it made, none when it was only asked what it would.

    At most 1,000 of each are told.
    """

    model_config = example(
        number=4,
        added=[SENTENCE],
        removed=[],
        touched=[{"what": "rule", "name": "trade in", "how": "added"}],
        files=["nlu_data/shop.yml"],
        left_out=[],
    )

    number: int | None
    added: list[Sentence]
    removed: list[Sentence]
    touched: list[TouchView]
    files: list[str]
    left_out: list[str] = Field(default=[], description="files of an import that are no training data")


class NeighbourView(BaseModel):
    intent: str
    text: str
    likeness: int = Field(description="0 to 100")


class FindingView(BaseModel):
    """`same`: it is there already; `near`: nearly; `border`: the intent that its three nearest have instead
    of its own.
    """

    intent: str
    text: str
    same: NeighbourView | None
    near: NeighbourView | None
    border: str | None
    neighbours: list[NeighbourView]


class Findings(BaseModel):
    findings: list[FindingView]


class RevisionView(BaseModel):
    number: int
    staff_id: int | None
    why: str
    changes: dict[str, object]
    at: datetime


class Revisions(BaseModel):
    revisions: list[RevisionView]
