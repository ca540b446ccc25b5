"""What an account may push to a shopper, by Tencent's rules, on a clock that can be put forward."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backoffice.kit.time import now

WINDOW_CLOSED, QUOTA_USED = 45015, 45047
RULES = {
    ("official", "message"): (5, timedelta(hours=48)),
    ("official", "action"): (3, timedelta(minutes=1)),
    ("mini", "message"): (5, timedelta(hours=48)),
    ("mini", "action"): (2, timedelta(minutes=1)),
}


class Clock:
    """The time, and as much more as it was put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return now() + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


@dataclass
class Window:
    left: int
    until: datetime


@dataclass
class Quota:
    """The pushes that a shopper's last message and last action allow an account."""

    clock: Clock
    kind: str
    windows: dict[str, Window] = field(default_factory=dict)

    def open(self, what: str) -> None:
        """After a `message` or an `action`."""
        allowed, lasting = RULES[self.kind, what]
        self.windows[what] = Window(allowed, self.clock.now() + lasting)

    def close(self) -> None:
        self.windows.clear()

    def refusal(self) -> int:
        """0 when a push is allowed, else the error code."""
        open_now = self._open()
        if not open_now:
            return WINDOW_CLOSED
        return 0 if any(window.left for window in open_now) else QUOTA_USED

    def spend(self) -> None:
        """Take one from the window that ends first."""
        min((window for window in self._open() if window.left), key=lambda window: window.until).left -= 1

    def left(self) -> int:
        return sum(window.left for window in self._open())

    def _open(self) -> list[Window]:
        return [window for window in self.windows.values() if window.until > self.clock.now()]
