"""Low-stock alerts by days of cover: raised once below some days, over above some more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backoffice.events import service as events
from backoffice.events.schemas import Event, Notice
from backoffice.inventory import alerts_repository as repository
from backoffice.inventory.alerts_repository import Seller
from backoffice.inventory.domain import cover_days, is_low
from backoffice.inventory.stock_schemas import AlertFilter, Alerts, AlertView
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.repeating import again
from backoffice.kit.time import now

LOW, RECOVERED = "stock.low", "stock.recovered"
"""Published (key `sku:11`) and told to webhooks when a level sells out soon, and when it does no more."""
CHECK_SECONDS = 300.0
BATCH = 200


@dataclass(frozen=True)
class Cover:
    """Low below so many days, enough above so many; the rate of sale is that of the last `window_days`."""

    low_days: float
    enough_days: float
    window_days: int = 28


class Watch:
    """Raises and ends alerts. Any number of processes may run one."""

    def __init__(self, database: Database, cover: Cover) -> None:
        self._database, self._cover = database, cover

    async def run(self) -> None:
        """Every few minutes, until cancelled."""
        await again(self.check, CHECK_SECONDS, "stock_alerts_failed")

    async def check(self, moment: datetime | None = None) -> None:
        """Look at every level once, as at `moment`, now if None."""
        moment, last = moment or now(), 0
        while True:
            async with self._database.read() as session:
                sku_ids = await repository.skus_after(session, last, BATCH)
                if not sku_ids:
                    return
                since = moment - timedelta(days=self._cover.window_days)
                sellers = await repository.sellers(session, sku_ids, since)
            last = sku_ids[-1]
            if changed := [each for each in sellers if self._is_low(each) != each.low]:
                await self._tell(changed, moment)

    def _days(self, seller: Seller) -> float | None:
        return cover_days(seller.free, seller.sold, self._cover.window_days)

    def _is_low(self, seller: Seller) -> bool:
        bounds = self._cover.low_days, self._cover.enough_days
        return is_low(self._days(seller), seller.free, seller.low, *bounds)

    async def _tell(self, changed: Sequence[Seller], moment: datetime) -> None:
        async with self._database.write() as session:
            for seller in changed:
                days = self._days(seller)
                if seller.low:
                    topic, new = RECOVERED, await repository.recover(session, seller, moment)
                else:
                    topic, new = LOW, await repository.open_alert(session, seller, days or 0.0, moment)
                if new:
                    told = seller._asdict() | {"days": days, "low": not seller.low}
                    await events.publish(session, topic, f"sku:{seller.sku_id}", told)


async def listed(session: ReadSession, wanted: AlertFilter) -> Alerts:
    """A page of alerts, the newest first: those that are open, or all."""
    found, total = await repository.alerts(session, wanted)
    views = [AlertView.model_validate(each, from_attributes=True) for each in found]
    return Alerts(alerts=views, total=total)


async def notices(_: ReadSession, event: Event) -> Sequence[Notice]:
    return [Notice(event.topic, event.payload)]
