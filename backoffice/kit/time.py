"""Time: stored in UTC, spoken in the shop's time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHOP_ZONE = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The moment, aware, in UTC."""
    return datetime.now(UTC)


def shop_date(moment: datetime) -> date:
    """The calendar day of a moment where the shop is."""
    return moment.astimezone(SHOP_ZONE).date()


def end_of_shop_day(moment: datetime, days: int = 0) -> datetime:
    """The last second of the shop's day `days` after `moment`, in UTC."""
    local = moment.astimezone(SHOP_ZONE) + timedelta(days=days)
    return local.replace(hour=23, minute=59, second=59, microsecond=0).astimezone(UTC)
