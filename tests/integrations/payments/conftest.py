"""Both providers, simulated, and what asks them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.trade.payments.ports import Charge
from integrations.payments.gateways import Gateway, fresh_keys, gateways, simulated

METHODS = ("wechat", "alipay")


@pytest.fixture
def charge() -> Charge:
    return Charge(
        "26112700000000174f1c7a2e", 12950, "店小二订单 2611270000000017", now() + timedelta(hours=1)
    )


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def simulator(method: str) -> Any:
    return simulated("http://shop/simulators", fresh_keys())[method]


@pytest.fixture
async def gateway(simulator: Any, method: str) -> AsyncIterator[Gateway]:
    found = gateways(Settings(secret="for tests", app_url="http://shop"), {method: simulator})[method]
    yield found
    await found.hang_up()
