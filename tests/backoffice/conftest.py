"""The backoffice's API over a database of its own, and the credentials to ask it."""

from collections.abc import AsyncIterator, Callable
from importlib import import_module
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.datastructures import State

from backoffice.fulfillment.batches.service import Batches
from backoffice.fulfillment.sending import Sending
from backoffice.gateway import names
from backoffice.kit.database import Database
from backoffice.kit.errors import answer_problems
from backoffice.returns import photo_endpoints
from backoffice.returns.photos import Photos
from backoffice.settings import Settings
from backoffice.trade.payments.collecting import Collecting
from backoffice.users.identity import Credentials, TurnCredential
from tests.backoffice.factories import OWNER, STRANGER, Shop

ROOMS = (
    *("users", "staff", "catalog", "inventory", "fulfillment", "knowledge", "trade", "returns"),
    *("training.models", "training.datasets", "training.serving"),
)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(env="development", secret="for tests", state=tmp_path, database_url=database_url)


@pytest.fixture(scope="session")
def rooms() -> FastAPI:
    """Every room's endpoints: made once, for it takes longer than most tests."""
    app = FastAPI()
    app.include_router(photo_endpoints.router)
    app.include_router(names.router)
    for room in ROOMS:
        app.include_router(import_module(f"backoffice.{room}.endpoints").router)
    answer_problems(app)
    return app


@pytest.fixture
def api(rooms: FastAPI, database: Database, settings: Settings) -> FastAPI:
    """Every room's endpoints without the bot, the channels and the background work."""
    app = rooms
    app.state = State()
    app.state.database = database
    app.state.settings = settings
    app.state.credentials = Credentials(settings)
    app.state.batches = Batches(database)
    app.state.sending = Sending(database, {})
    app.state.return_photos = Photos(database, settings.state / "return_photos")
    app.state.collecting = Collecting(database, {})
    return app


@pytest.fixture
async def client(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


@pytest.fixture
def issued(settings: Settings) -> Credentials:
    return Credentials(settings)


@pytest.fixture
def as_customer(issued: Credentials) -> Callable[[int], dict[str, str]]:
    """Headers of a signed-in customer."""
    return lambda customer_id: {"Authorization": f"Bearer {issued.sign_session(customer_id)}"}


@pytest.fixture
def as_service(settings: Settings) -> dict[str, str]:
    """Headers of one of our own services."""
    return {"Authorization": f"Bearer {settings.service_token}"}


@pytest.fixture
def as_turn(issued: Credentials, as_service: dict[str, str]) -> Callable[[TurnCredential], dict[str, str]]:
    """Headers of the bot during a turn."""
    return lambda turn: as_service | {"X-Turn": issued.sign_turn(turn)}


@pytest.fixture
async def shop(database: Database) -> Shop:
    """A small shop whose orders a test makes."""
    shop = Shop(database)
    await shop.open()
    return shop


@pytest.fixture
def owner(as_customer: Callable[[int], dict[str, str]]) -> dict[str, str]:
    """Headers of the customer whose orders `shop` makes."""
    return as_customer(OWNER)


@pytest.fixture
def stranger(as_customer: Callable[[int], dict[str, str]]) -> dict[str, str]:
    """Headers of another customer."""
    return as_customer(STRANGER)
