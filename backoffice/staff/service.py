"""People who work here: their accounts, roles and sessions."""

from backoffice.kit import passwords
from backoffice.kit.database import Database, ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Unauthenticated
from backoffice.kit.passwords import hash_password
from backoffice.kit.signing import Signer
from backoffice.settings import Settings
from backoffice.staff import repository
from backoffice.staff.models import StaffMember
from backoffice.staff.schemas import Role, StaffView

SESSION_SECONDS = 12 * 3600


class StaffTokens:
    """Signs and reads the sessions of staff."""

    def __init__(self, settings: Settings) -> None:
        self._signer = Signer(settings.derive("sessions"), "staff")

    def sign(self, staff_id: int) -> str:
        return self._signer.sign(staff_id)

    def read(self, token: str) -> int:
        """The member's id. Raises `Unauthenticated`."""
        return int(self._signer.read(token, SESSION_SECONDS))


def view(member: StaffMember) -> StaffView:
    return StaffView.model_validate(member, from_attributes=True)


async def add(session: WriteSession, login: str, name: str, role: Role, password: str) -> None:
    """A new account. Raises `Conflict` (`login_taken`)."""
    values = {"login": login, "name": name, "role": role, "password_hash": hash_password(password)}
    if not await repository.add(session, **values):
        raise Conflict("login_taken", f"{login} has an account already")


async def sign_in(database: Database, login: str, password: str) -> StaffView:
    """The member with this login and password.

    Raises `Unauthenticated` (`bad_sign_in`) and `TooMany` (`too_many_tries`) after ten wrong ones in an hour.
    """
    return view(
        await passwords.sign_in(database, "staff_sign_in", login, password, "login", repository.by_login)
    )


async def member(session: ReadSession, staff_id: int) -> StaffView:
    """Raises `Unauthenticated` for an account that is gone."""
    found = await repository.member(session, staff_id)
    if found is None:
        raise Unauthenticated("bad_credential", "this account is no longer known")
    return view(found)
