"""Who is asking: a signed-in shopper, or the bot on behalf of a conversation's shopper during one turn."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel

from backoffice.kit import fencing, idempotency
from backoffice.kit.database import Database, WriteSession, database_of
from backoffice.kit.errors import Forbidden, Unauthenticated
from backoffice.kit.fencing import Fence
from backoffice.kit.security import ANYBODY, admits
from backoffice.kit.signing import Signer
from backoffice.settings import SERVICE_SCOPES, ServiceScope, Settings

SESSION_SECONDS = 7 * 24 * 3600
TURN_SECONDS = 3600

CUSTOMER = HTTPBearer(scheme_name="customer", description="what `POST /api/session` answers")
SERVICE = HTTPBearer(scheme_name="service", description="of our own services, which may do everything")
SCOPED = {
    scope: HTTPBearer(scheme_name=scope, description=f"of an outside service: `xiaoer token {scope}`")
    for scope in SERVICE_SCOPES
}
TURN = APIKeyHeader(
    name="X-Turn", scheme_name="turn", description="for whom the bot asks: given to it with each turn"
)

AuthorizationHeader = Annotated[str, Header(include_in_schema=False)]
TurnHeader = Annotated[str, Header(include_in_schema=False)]
T = TypeVar("T", bound=BaseModel)


class TurnCredential(BaseModel):
    """What a turn of the bot may act as: one conversation, while its epoch lasts."""

    conversation: str
    turn: str
    epoch: int
    customer: int | None = None


@dataclass(frozen=True)
class Shopper:
    """A customer, or a visitor who is known by the conversation only."""

    customer_id: int | None
    conversation_id: str | None = None
    turn_id: str | None = None
    fence: Fence | None = None

    @property
    def scope(self) -> str:
        """Whose idempotency keys these are."""
        return (
            f"conversation:{self.conversation_id}" if self.conversation_id else f"customer:{self.customer_id}"
        )

    @property
    def signed_in(self) -> int:
        """The customer's id. Raises `Unauthenticated` for a visitor."""
        if self.customer_id is None:
            raise Unauthenticated("sign_in_required", "only a signed-in customer can do this")
        return self.customer_id


class Credentials:
    """Signs and reads the credentials of one secret."""

    def __init__(self, settings: Settings) -> None:
        self._sessions = Signer(settings.derive("sessions"), "session")
        self._turns = Signer(settings.derive("turns"), "turn")
        self._service_token = settings.service_token
        self._scoped = {scope: settings.scoped_token(scope) for scope in SERVICE_SCOPES}

    def sign_session(self, customer_id: int) -> str:
        return self._sessions.sign(customer_id)

    def read_session(self, token: str) -> int:
        """The customer's id. Raises `Unauthenticated`."""
        return int(self._sessions.read(token, SESSION_SECONDS))

    def sign_turn(self, credential: TurnCredential) -> str:
        return self._turns.sign(credential.model_dump())

    def read_turn(self, token: str) -> TurnCredential:
        """Raises `Unauthenticated`."""
        return TurnCredential.model_validate(self._turns.read(token, TURN_SECONDS))

    def is_service(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._service_token.encode())

    def scope_of(self, token: str) -> ServiceScope | None:
        """What a token of an outside service is for; None for any other token."""
        shown = token.encode()
        fits = [scope for scope, one in self._scoped.items() if hmac.compare_digest(shown, one.encode())]
        return fits[0] if fits else None


def conversation_fence(conversation_id: str, epoch: int) -> Fence:
    return Fence(f"conversation:{conversation_id}", epoch)


async def credentials(request: Request) -> Credentials:
    issued: Credentials = request.app.state.credentials
    return issued


async def bearer(authorization: AuthorizationHeader = "") -> str:
    """The bearer token, empty when there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


@admits((CUSTOMER,), (SERVICE, TURN), ANYBODY)
async def maybe_shopper(
    request: Request, authorization: AuthorizationHeader = "", x_turn: TurnHeader = ""
) -> Shopper | None:
    """Whoever asks, or None for nobody we know. A wrong credential raises `Unauthenticated`."""
    issued, token = await credentials(request), await bearer(authorization)
    if x_turn:
        if not issued.is_service(token):
            raise Unauthenticated("bad_credential", "a turn is accepted from our own services only")
        turn = issued.read_turn(x_turn)
        fence = conversation_fence(turn.conversation, turn.epoch)
        return Shopper(turn.customer, turn.conversation, turn.turn, fence)
    return Shopper(issued.read_session(token)) if token else None


@admits((CUSTOMER,), (SERVICE, TURN))
async def shopper(found: Annotated[Shopper | None, Depends(maybe_shopper)]) -> Shopper:
    """Whoever asks. Raises `Unauthenticated` for nobody."""
    if found is None:
        raise Unauthenticated("sign_in_required")
    return found


@admits((SERVICE,))
async def service(
    issued: Annotated[Credentials, Depends(credentials)], token: Annotated[str, Depends(bearer)]
) -> None:
    """Let only our own services in."""
    if not issued.is_service(token):
        raise Unauthenticated("bad_credential")


def service_for(*scopes: ServiceScope) -> Callable[..., Awaitable[ServiceScope | None]]:
    """A dependency that lets in services of these scopes, and our own (None), who may do everything.

    Raises `Unauthenticated` (`bad_credential`), `Forbidden` (`scope_required`).
    """

    @admits((SERVICE,), *((SCOPED[scope],) for scope in scopes))
    async def allowed(
        issued: Annotated[Credentials, Depends(credentials)], token: Annotated[str, Depends(bearer)]
    ) -> ServiceScope | None:
        if issued.is_service(token):
            return None
        scope = issued.scope_of(token)
        if scope is None:
            raise Unauthenticated("bad_credential")
        if scope not in scopes:
            raise Forbidden("scope_required", f"only for {', '.join(scopes)}", scopes=list(scopes))
        return scope

    return allowed


class Errand:
    """A write that a shopper asks for: fenced by the turn it belongs to, done once per idempotency key."""

    def __init__(self, database: Database, shopper: Shopper, key: str, fingerprint: str) -> None:
        self.database, self.shopper = database, shopper
        self._key, self._fingerprint = key, fingerprint

    @property
    def keyed(self) -> bool:
        """Whether a repeat can be told from a new request."""
        return bool(self._key)

    async def once(self, answer: type[T], verb: Callable[[WriteSession], Awaitable[T]]) -> T:
        """Run `verb` in one transaction that also holds the fence and keeps the answer under the key.

        Raises `StaleTurn` when the conversation was handed over, `Invalid` when the key was used otherwise.
        """
        async with self.database.write() as session:
            if self.shopper.fence:
                await fencing.require(session, self.shopper.fence)
            if not self._key:
                return await verb(session)

            async def kept() -> object:
                return (await verb(session)).model_dump(mode="json")

            return answer.model_validate(
                await idempotency.once(session, self.shopper.scope, self._key, self._fingerprint, kept)
            )


async def errand(
    request: Request,
    who: Annotated[Shopper, Depends(shopper)],
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> Errand:
    fingerprint = hashlib.sha256(f"{request.method} {request.url.path} ".encode() + await request.body())
    return Errand(await database_of(request), who, idempotency_key, fingerprint.hexdigest())


Asking = Annotated[Shopper, Depends(shopper)]
MaybeAsking = Annotated[Shopper | None, Depends(maybe_shopper)]
Acting = Annotated[Errand, Depends(errand)]
