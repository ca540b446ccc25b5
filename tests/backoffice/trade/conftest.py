import pytest

from backoffice.settings import Settings
from tests.backoffice.factories import Shop
from tests.backoffice.trade.till import Till


@pytest.fixture
def till(shop: Shop, settings: Settings) -> Till:
    """Orders of the shop's are paid here, at simulated providers."""
    return Till(shop, settings)
