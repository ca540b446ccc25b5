"""What a shopper's browser holds and gives back: who it is, and what a button means."""

from dataclasses import dataclass

from backoffice.conversations import ratings
from backoffice.kit.errors import Invalid, Unauthenticated
from backoffice.kit.signing import Signer
from backoffice.settings import Settings

VISITOR_SECONDS = 30 * 24 * 3600
BUTTON_SECONDS = 24 * 3600
FOREVER = 100 * 365 * 24 * 3600


@dataclass(frozen=True)
class Pressed:
    """A button: `command` is None once it is too old to be more than its label."""

    label: str
    command: str | None


class Tokens:
    """Signs and reads the visitor tokens and buttons of one secret."""

    def __init__(self, settings: Settings) -> None:
        self._visitors = Signer(settings.derive("visitors"), "visitor")
        self._buttons = Signer(settings.derive("buttons"), "button")

    def sign_visitor(self, conversation_id: str) -> str:
        return self._visitors.sign(conversation_id)

    def read_visitor(self, token: str) -> str:
        """The conversation's id. Raises `Unauthenticated`."""
        return str(self._visitors.read(token, VISITOR_SECONDS))

    def sign_button(self, conversation_id: str, label: str, command: str) -> str:
        return self._buttons.sign([conversation_id, label, command])

    def read_button(self, conversation_id: str, payload: str) -> Pressed:
        """Raises `Invalid` (`bad_button`) when forged or of another conversation."""
        if star := ratings.command_of(payload):
            return Pressed(*star)
        try:
            owner, label, command = self._buttons.read(payload, FOREVER)
        except Unauthenticated as error:
            raise Invalid("bad_button", "not a button of ours") from error
        if owner != conversation_id:
            raise Invalid("bad_button", "a button of another conversation")
        try:
            self._buttons.read(payload, BUTTON_SECONDS)
        except Unauthenticated:
            return Pressed(label, None)
        return Pressed(label, command)
