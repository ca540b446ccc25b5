"""The client: whom it speaks for, keys that make a repeated turn harmless, refusals."""

import httpx
import pytest

from actions.client import Refused, Shop, Unreachable
from tests.actions.conftest import Backoffice


async def test_a_write_carries_the_turn_and_a_key_of_its_own(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/orders/1/urge"] = (
        200,
        {"ship_by": "2026-11-20T06:05:00Z", "urges": 1, "first": True},
    )
    for _ in range(2):
        await Shop("signed", "t1", "action_urge_shipment").urge("1")
    await Shop("signed", "t2", "action_urge_shipment").urge("1")
    assert [request.headers["Idempotency-Key"] for request in backoffice.asked] == [
        "t1:action_urge_shipment:1",
        "t1:action_urge_shipment:1",
        "t2:action_urge_shipment:1",
    ]
    assert {request.headers["X-Turn"] for request in backoffice.asked} == {"signed"}
    assert {request.headers["Authorization"] for request in backoffice.asked} == {"Bearer service"}


async def test_a_problem_is_refused_with_its_code(backoffice: Backoffice) -> None:
    backoffice.refuse("POST /api/orders/1/cancel", 409, "order_shipped", intercept_possible=True)
    with pytest.raises(Refused) as refused:
        await Shop("signed", "t1", "action_cancel_submit").cancel("1", "")
    assert refused.value.code == "order_shipped"
    assert refused.value.extra["intercept_possible"] is True


@pytest.mark.parametrize("answer", [(503, {"code": "unavailable"}), (500, {})])
async def test_a_broken_backoffice_is_unreachable(backoffice: Backoffice, answer: tuple[int, object]) -> None:
    backoffice.answers["GET /api/me"] = answer
    with pytest.raises(Unreachable):
        await Shop("signed", "t1", "action_greet").me()


async def test_a_connection_that_breaks_is_unreachable(backoffice: Backoffice) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    http = httpx.AsyncClient(transport=httpx.MockTransport(broken), base_url="http://backoffice")
    with pytest.raises(Unreachable):
        await Shop("signed", "t1", "action_greet", http).me()
