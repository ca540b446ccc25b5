import httpx
import pytest
from sqlalchemy import update

from backoffice.catalog.models import Product
from backoffice.kit.database import Database
from tests.backoffice.stock import COAT, fill


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


async def test_names_are_served_to_our_own_services_only(
    client: httpx.AsyncClient, as_service: dict[str, str]
) -> None:
    assert (await client.get("/api/names")).status_code == 401
    served = (await client.get("/api/names", headers=as_service)).json()
    coat = next(each for each in served["products"] if each["id"] == COAT)
    assert coat["name"] == "轻暖短款羽绒服"
    assert "羽绒服" in coat["words"]
    assert {"name": "米白"} in served["colours"]
    assert {"id": "sf", "name": "顺丰速运"} in served["couriers"]
    assert "store" not in {each["id"] for each in served["couriers"]}
    assert all(served[kind] for kind in ("brands", "sizes", "stores"))


async def test_unchanged_names_are_not_sent_again(
    client: httpx.AsyncClient, as_service: dict[str, str], database: Database
) -> None:
    first = await client.get("/api/names", headers=as_service)
    asked = as_service | {"If-None-Match": first.headers["ETag"]}
    same = await client.get("/api/names", headers=asked)
    assert (same.status_code, same.content) == (304, b"")
    async with database.write() as session:
        await session.execute(update(Product).where(Product.id == COAT).values(name="新款羽绒服"))
    changed = await client.get("/api/names", headers=asked)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]
