"""Where invented rows are kept until they are inserted, and the chance and the calendar they come from."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import yaml

from backoffice.kit.database import Base
from backoffice.kit.time import SHOP_ZONE, end_of_shop_day

Row = dict[str, Any]
HERE = Path(__file__).parent
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@cache
def data(name: str) -> Any:
    """One of the YAML files beside this one."""
    return yaml.safe_load((HERE / f"{name}.yml").read_text(encoding="utf8"))


class Rows:
    """Rows by table; days count back from the midnight before `moment`, one generator makes all chance."""

    def __init__(self, number: int, moment: datetime) -> None:
        self.random = Random(number)
        self.moment = moment
        self.midnight = end_of_shop_day(moment, -1) + timedelta(seconds=1)
        self._rows: defaultdict[type[Base], list[Row]] = defaultdict(list)
        self._ids: defaultdict[type[Base], Iterator[int]] = defaultdict(lambda: count(1))
        self._taken: set[str] = set()
        self.made: Counter[type[Base]] = Counter()

    def take(self) -> Mapping[type[Base], list[Row]]:
        """The rows made since the last time."""
        rows, self._rows = self._rows, defaultdict(list)
        return rows

    def add(self, table: type[Base], **values: Any) -> Row:
        self.made[table] += 1
        self._rows[table].append(values)
        return values

    def new(self, table: type[Base], **values: Any) -> Row:
        """A row that is numbered 1, 2, 3 … within its table."""
        return self.add(table, id=next(self._ids[table]), **values)

    def unique(self, make: Callable[[], str]) -> str:
        while (made := make()) in self._taken:
            pass
        self._taken.add(made)
        return made

    def day(self, ago: int, hour: int = 0, minute: int = 0) -> datetime:
        """A time of the shop's day so many days ago."""
        return self.midnight - ago * DAY + hour * HOUR + minute * MINUTE

    @staticmethod
    def by_daylight(at: datetime) -> datetime:
        """The same, or eight hours later when the shop's people sleep."""
        return at + 8 * HOUR if at.astimezone(SHOP_ZONE).hour < 8 else at

    def digits(self, length: int) -> str:
        return f"{self.random.randrange(10**length):0{length}d}"

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def between(self, shortest: timedelta, longest: timedelta) -> timedelta:
        return timedelta(
            seconds=self.random.randint(int(shortest.total_seconds()), int(longest.total_seconds()))
        )
