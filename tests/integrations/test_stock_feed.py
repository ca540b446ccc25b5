"""Stock on its way to the channels: what is sold here is told there, by webhook and by stream."""

import asyncio
from typing import Any

import httpx
import pytest

from backoffice.kit.database import Database
from backoffice.settings import Settings
from tests.backoffice.stock import COAT_M, NORTH, SHOP_HANGZHOU, fill
from tests.integrations.streams import Frame, following
from tests.integrations.test_webhooks import Backend, admin, backend, settings  # noqa: F401

FEED = "/api/inventory/feed"


@pytest.fixture(autouse=True)
async def stocked(database: Database) -> None:
    await fill(database)


async def sell(http: httpx.AsyncClient, token: str, receipt: str, location_id: int) -> None:
    body = {"receipt": receipt, "location_id": location_id, "lines": [{"sku_id": COAT_M, "quantity": 1}]}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": receipt}
    sold = await http.post("/api/inventory/sales", json=body, headers=headers)
    assert sold.status_code == 201, sold.text


async def sold_at(stream: Any, location_id: int, pieces: int) -> Frame:
    async with asyncio.timeout(20):
        async for frame in stream:
            if frame[0] == "stock" and figures(frame[2]) == (location_id, pieces):
                return frame
    raise AssertionError("the stream ended")


def figures(change: dict[str, Any]) -> tuple[int, int]:
    return change["location_id"], change["available"]["marketplace"]


@pytest.mark.worker
async def test_a_sale_at_the_till_reaches_every_channel(
    http: httpx.AsyncClient,
    settings: Settings,  # noqa: F811
    admin: dict[str, str],  # noqa: F811
    backend: tuple[Backend, str],  # noqa: F811
) -> None:
    there, url = backend
    made = await http.post("/api/webhooks", json={"url": url, "topics": ["stock.changed"]}, headers=admin)
    assert made.status_code == 201, made.text
    token = settings.service_token
    async with following(http, FEED, token) as stream:
        await sell(http, token, "A1", NORTH)
        _, position, change = await sold_at(stream, NORTH, 4)
    assert (change["sku_id"], str(change["position"])) == (COAT_M, position)
    await sell(http, token, "A2", SHOP_HANGZHOU)
    async with following(http, FEED, token, **{"Last-Event-ID": position}) as stream:
        assert (await sold_at(stream, SHOP_HANGZHOU, 1))[2]["online"]["web"] == 104
    async with asyncio.timeout(20):
        while (SHOP_HANGZHOU, 1) not in [figures(one["data"]) for one in there.taken]:
            there.news.clear()
            await there.news.wait()
    assert {one["topic"] for one in there.taken} == {"stock.changed"}


async def test_the_feed_is_for_our_own_services(http: httpx.AsyncClient, settings: Settings) -> None:  # noqa: F811
    assert (await http.get(FEED)).status_code == 401
    assert (await http.get(f"{FEED}/stream")).status_code == 401
    ours = {"Authorization": f"Bearer {settings.service_token}"}
    page = await http.get(FEED, params={"after": 10**9}, headers=ours)
    assert page.json() == {"changes": [], "last": 10**9}
