"""Events: what one room must tell others, written with what it tells and sent on afterwards."""

from collections.abc import Callable
from typing import Any

from backoffice.events import repository
from backoffice.kit.database import WriteSession

Listener = Callable[[str, str, dict[str, Any]], None]

_listeners: set[Listener] = set()


async def publish(session: WriteSession, topic: str, key: str, payload: dict[str, Any]) -> None:
    """Tell `topic` about `key` once this transaction commits; events of one key are sent on in order."""
    await repository.add(session, topic, key, payload)
    session.after_commit(lambda: tell(topic, key, payload))


def tell(topic: str, key: str, payload: dict[str, Any]) -> None:
    """Call every listener of this process."""
    for listener in list(_listeners):
        listener(topic, key, payload)


def on_publish(listener: Listener) -> Callable[[], None]:
    """Call `listener` after each commit in this process that published something; call the result to end it.

    A crash loses such calls: what must not be lost subscribes to the relay.
    """
    _listeners.add(listener)
    return lambda: _listeners.discard(listener)
