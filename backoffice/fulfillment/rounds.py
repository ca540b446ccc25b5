"""What happens when time passes: late fulfilments are told, pickups run out, silent parcels are lost."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog

from backoffice.fulfillment import fulfilments, parcels, pickups, repository
from backoffice.fulfillment import fulfilments_repository as parts
from backoffice.fulfillment.ports import Carrier, CarrierAway, CarrierRefused
from backoffice.kit.database import Database
from backoffice.kit.repeating import again, each_of
from backoffice.kit.time import now

log = structlog.get_logger()

POLL_SECONDS = 10.0
AT_ONCE = 100


class Rounds:
    """Any number of processes may go round: each change is made by one of them."""

    def __init__(self, database: Database, carriers: Mapping[str, Carrier], lost_after: timedelta) -> None:
        self._database, self._carriers, self._lost_after = database, carriers, lost_after

    async def run(self) -> None:
        """Until cancelled, every ten seconds."""
        await again(self.round, POLL_SECONDS, "fulfilment_round_failed")

    async def round(self) -> None:
        moment = now()
        async with self._database.write() as session:
            await fulfilments.note_late(session, moment)
        async with self._database.read() as session:
            uncollected = await parts.uncollected(session, moment, AT_ONCE)
        await each_of(uncollected, partial(self._expire, moment), "pickup_not_expired")
        await self._look_for_silent(moment)

    async def _expire(self, moment: datetime, fulfilment_id: int) -> None:
        async with self._database.write() as session:
            await pickups.expire(session, fulfilment_id, moment)

    async def _look_for_silent(self, moment: datetime) -> None:
        """Ask after parcels that nothing was heard of. Those are lost of which the carrier tells nothing new,
        or does not answer for as long again. Of carriers that cannot be asked nothing is expected.
        """
        since = moment - self._lost_after
        async with self._database.read() as session:
            silent = await repository.silent(session, sorted(self._carriers), since, AT_ONCE)
        await each_of(silent, partial(self._look_for, since), "parcel_not_looked_for")

    async def _look_for(self, since: datetime, parcel: tuple[str, str]) -> None:
        carrier, number = parcel
        try:
            told = await self._carriers[carrier].track(number)
            async with self._database.write() as session:
                await parcels.take(session, carrier, number, told)
        except (CarrierAway, CarrierRefused) as error:
            log.warning("parcel_not_tracked", carrier=carrier, number=number, error=error.code)
            since -= self._lost_after
        async with self._database.write() as session:
            await parcels.give_up(session, carrier, number, since)
