"""What crosses the API of batches. Money in fen."""

from typing import Annotated

from pydantic import BaseModel, Field

from backoffice.fulfillment.batches.batching import Stage
from backoffice.fulfillment.planning.schemas import Plan, PlanRequest
from backoffice.kit.examples import example

MOST_ORDERS = 1000


class NewBatch(BaseModel):
    """Orders to be planned together, within about so many seconds."""

    model_config = example(
        orders=[
            {
                "promise": "next_day",
                "lines": [{"sku_id": 11, "quantity": 1}],
                "destination": {"province": "浙江省", "city": "杭州"},
            },
            {"promise": "store_pickup", "lines": [{"sku_id": 12, "quantity": 2}], "store_id": 3},
        ],
        seconds=5,
    )

    orders: list[PlanRequest] = Field(min_length=1, max_length=MOST_ORDERS)
    seconds: Annotated[float, Field(ge=0.1, le=120)] = 20


class Progress(BaseModel):
    """`share`: from 0 to 1, of this stage."""

    stage: Stage
    share: float


class BatchPlan(BaseModel):
    """A plan for each order in the order they came, a refused one with its reason.

    `cost_fen`: of what is sent; `gap`: how much cheaper all could be sent at most, as a share of the cost.
    """

    plans: list[Plan]
    cost_fen: int
    gap: float
    sent: int
    waiting: int
    refused: int
    parcels: int


class News(BaseModel):
    """A line of the answer: how far it is, and in the last line the plan."""

    progress: Progress | None = None
    plan: BatchPlan | None = None
