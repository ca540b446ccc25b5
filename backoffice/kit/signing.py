"""Things we hand out and recognise again: credentials, button payloads, sign-ins."""

from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer

from backoffice.kit.errors import Unauthenticated


class Signer:
    """Signs JSON values for one purpose; a value signed for another purpose is not recognised."""

    def __init__(self, key: str, purpose: str) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt=purpose)

    def sign(self, value: Any) -> str:
        return str(self._serializer.dumps(value))

    def read(self, token: str, max_age: int) -> Any:
        """The signed value. Raises `Unauthenticated` when forged, foreign or older than `max_age` seconds."""
        try:
            return self._serializer.loads(token, max_age=max_age)
        except BadSignature as error:
            raise Unauthenticated("bad_credential", "not signed by us, or too old") from error
