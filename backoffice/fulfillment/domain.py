"""Which ways of delivery there are, what they cost and when they arrive: pure rules.

Money in fen, distances in km, weights in g, days are the shop's calendar days.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from backoffice.kit.time import SHOP_ZONE

FREE_FROM_FEN = 9900
FREE_FROM_REMOTE_FEN = 19900
POSTAGE_FEN = 800
POSTAGE_REMOTE_FEN = 1500
EXPRESS_FEN = 1800
EXPRESS_REMOTE_FEN = 2800
EXPRESS_KILO_FEN = 200
SAME_DAY_FEN = 1200
LIGHT_G = 3000
BULKY_G = 20_000
CUT_OFF = time(17)
SAME_DAY_CUT_OFF = time(11)
SAME_DAY_KM = 60
PICKUP_KM = 30
REMOTE = ("新疆", "西藏", "青海", "宁夏", "甘肃", "内蒙古", "海南")

Service = Literal["standard", "express", "same_day", "pickup"]


@dataclass(frozen=True)
class Option:
    """A way of delivery; `days` counts from the day the parcel leaves."""

    carrier: str
    service: Service
    fee_fen: int
    free_from_fen: int | None
    days: tuple[int, int]
    cut_off: time

    def arrives(self, moment: datetime) -> tuple[date, date]:
        """First and last likely day for an order at `moment`: after the cut-off a day later."""
        local = moment.astimezone(SHOP_ZONE)
        leaves = local.date() + timedelta(days=local.time() >= self.cut_off)
        return leaves + timedelta(days=self.days[0]), leaves + timedelta(days=self.days[1])


def is_remote(province: str) -> bool:
    return province.startswith(REMOTE)


def standard_days(distance_km: float, remote: bool) -> tuple[int, int]:
    first = 1 if distance_km <= 300 else 2 if distance_km <= 800 else 3 if distance_km <= 1500 else 4
    return first + 2 * remote, first + 1 + 2 * remote


def express_days(distance_km: float, remote: bool) -> tuple[int, int]:
    first = 1 if distance_km <= 1500 else 2
    return first + remote, first + (distance_km > 300) + remote


def fee(price_fen: int, free_from_fen: int | None, amount_fen: int) -> int:
    return 0 if free_from_fen is not None and amount_fen >= free_from_fen else price_fen


def options(
    *,
    distance_km: float | None,
    province: str,
    amount_fen: int,
    weight_g: int,
    store_km: float | None = None,
    store_has_it: bool = True,
) -> list[Option]:
    """The ways to a place, cheapest kind first.

    `distance_km` is from the nearest warehouse that has the goods, None when the place is not known;
    `store_km` from the nearest store, None when there is none. What weighs over 20 kg goes by lorry only.
    """
    remote = is_remote(province)
    free_from = FREE_FROM_REMOTE_FEN if remote else FREE_FROM_FEN
    postage = fee(POSTAGE_REMOTE_FEN if remote else POSTAGE_FEN, free_from, amount_fen)
    bulky = weight_g > BULKY_G
    days = (2, 5) if distance_km is None else standard_days(distance_km, remote)
    found = [Option("jd" if bulky else "zto", "standard", postage, free_from, days, CUT_OFF)]
    if not bulky:
        kilos = max(0, -(-(weight_g - LIGHT_G) // 1000))
        price = (EXPRESS_REMOTE_FEN if remote else EXPRESS_FEN) + EXPRESS_KILO_FEN * kilos
        days = (1, 3) if distance_km is None else express_days(distance_km, remote)
        found.append(Option("sf", "express", price, None, days, CUT_OFF))
        if distance_km is not None and distance_km <= SAME_DAY_KM:
            found.append(Option("jd", "same_day", SAME_DAY_FEN, None, (0, 0), SAME_DAY_CUT_OFF))
    if store_km is not None and store_km <= PICKUP_KM and not bulky:
        days = (0, 0) if store_has_it else (2, 3)
        found.append(Option("store", "pickup", 0, None, days, CUT_OFF))
    return found
