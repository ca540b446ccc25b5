"""A packed part of an order, and a simulated carrier that can be asked."""

from collections.abc import AsyncIterator

import pytest

from backoffice.settings import CarrierAccount
from integrations.carriers.http import HttpCarrier
from integrations.carriers.simulator import CarrierSimulator
from tests.backoffice.fulfillment.conftest import packed, planned, stock

__all__ = ["packed", "planned", "stock"]


@pytest.fixture
def simulator() -> CarrierSimulator:
    return CarrierSimulator(CarrierAccount(code="sf", url="http://carrier", secret="a secret of carriers"))


@pytest.fixture
async def carrier(simulator: CarrierSimulator) -> AsyncIterator[HttpCarrier]:
    carrier = HttpCarrier(simulator.account, simulator.transport)
    yield carrier
    await carrier.close()
