"""What happens elsewhere, brought to the pages that are open in this process."""

from collections.abc import Callable
from typing import Any

import structlog

from backoffice.events.bus import Bus
from backoffice.events.service import Listener

log = structlog.get_logger()


class Live:
    """The bus for those who come and go; a page that fails on news keeps it from no other."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._listeners: set[Listener] = set()
        bus.listen(self._hear)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with topic, key and payload; call the result to end it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def signal(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        self._bus.signal(topic, key, payload)

    def _hear(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        for listener in list(self._listeners):
            try:
                listener(topic, key, payload)
            except Exception as error:
                log.error("page_failed", topic=topic, error=repr(error))
