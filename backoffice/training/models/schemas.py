"""What crosses the API."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from backoffice.kit.examples import example
from backoffice.kit.fields import Text

Kind = Literal["train", "evaluate"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
LONGEST_WHY = 500

JOB: dict[str, Any] = {
    "id": 7,
    "kind": "train",
    "state": "running",
    "step": "train ShopIntentClassifier",
    "progress": 0.4,
    "dataset": 12,
    "model": "",
    "staff_id": 1,
    "why": "trade-in questions were misread",
    "error": "",
    "detail": "",
    "log": "",
    "tries": 1,
    "cancelled": False,
    "asked_at": "2026-11-23T02:00:00Z",
    "began_at": "2026-11-23T02:00:01Z",
}
MODEL: dict[str, Any] = {
    "name": "xiaoer-20261123T020100Z-a007720a.tar.gz",
    "dataset": 12,
    "fingerprint": "a007720a",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "bytes": 10_481_500,
    "seconds": 61.5,
    "at": "2026-11-23T02:01:00Z",
}


class NewJob(BaseModel):
    """Train what the shop's data says now, or judge a `model` against the one that is live."""

    model_config = example(kind="train", why="trade-in questions were misread")

    kind: Kind
    model: ModelName | Literal[""] = ""
    why: Text = Field(default="", max_length=LONGEST_WHY)

    @model_validator(mode="after")
    def names_what_is_judged(self) -> Self:
        if (self.kind == "evaluate") != bool(self.model):
            raise ValueError("a model is named to be judged, and only then")
        return self


class JobView(BaseModel):
    """`progress` is a share, `log` the last lines of it; `error` is a code, `detail` says it in one line."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [JOB]})

    id: int
    kind: Kind
    state: JobState
    step: str
    progress: float
    dataset: int
    model: str
    staff_id: int | None = None
    why: str
    error: str
    detail: str
    log: str
    tries: int
    cancelled: bool
    asked_at: datetime
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def over(self) -> bool:
        return self.state not in ("queued", "running")


class Jobs(BaseModel):
    model_config = example(jobs=[JOB], total=1)

    jobs: list[JobView]
    total: int


class ModelView(BaseModel):
    """`seconds` the training took, 0 where that is not known; `dataset` 0 is what ships."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [MODEL]})

    name: str
    dataset: int
    fingerprint: str
    sha256: str
    bytes: int
    seconds: float
    at: datetime


class Models(BaseModel):
    model_config = example(models=[MODEL], total=1)

    models: list[ModelView]
    total: int
