"""Signing in, and sessions that can be ended from elsewhere.

Wrong passwords are counted for a login and for a network, so neither one account nor one stranger has many
tries. A device on which somebody has signed in before counts for itself alone: strangers who use up the tries
of a login keep out new devices for an hour, and never the one its owner sits before.
"""

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import timedelta

from backoffice.kit import passwords
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Unauthenticated
from backoffice.kit.passwords import Limit
from backoffice.kit.signing import Signer
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.staff import repository, service
from backoffice.staff.models import StaffMember
from backoffice.staff.schemas import StaffView

SESSION_SECONDS = 12 * 3600
DEVICE_SECONDS = 180 * 24 * 3600
SEEN_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=30)
TRIES_OF_A_NETWORK = 30


class Devices:
    """Signs and recognises devices, each for one login."""

    def __init__(self, settings: Settings) -> None:
        self._signer = Signer(settings.derive("sessions"), "staff device")

    def sign(self, login: str, name: str) -> str:
        return self._signer.sign([login, name])

    def name(self, device: str, login: str) -> str:
        """The device's name; empty when this login was not seen on it in the last 180 days."""
        try:
            known, name = self._signer.read(device, DEVICE_SECONDS)
        except Unauthenticated:
            return ""
        return str(name) if known == login else ""


@dataclass(frozen=True)
class SignedIn:
    """`token` is shown with each request, `device` with the next sign-in."""

    member: StaffView
    token: str
    device: str


async def sign_in(
    database: Database, devices: Devices, login: str, password: str, address: str, device: str = ""
) -> SignedIn:
    """A new session of twelve hours. `address`: the client's IP; `device`: as the last sign-in said.

    Raises `Unauthenticated` (`bad_sign_in`, also for a disabled account) and `TooMany` (`too_many_tries`)
    after ten wrong passwords within an hour, or thirty of one network.
    """
    login = login.strip().lower()
    name = devices.name(device, login)
    found = await verified(database, login, password, limits_of(login, address, name))
    async with database.write() as session:
        token = await open_session(session, found)
    return SignedIn(service.view(found), token, devices.sign(login, name or secrets.token_hex(16)))


def limits_of(login: str, address: str, device: str) -> list[Limit]:
    if device:
        return [Limit("staff_device", device)]
    network = Limit("staff_network", network_of(address), TRIES_OF_A_NETWORK, shared=True)
    return [network, Limit(service.WRONG_PASSWORDS, login)]


def network_of(address: str) -> str:
    """What one client has to itself: an IPv4 address, the /64 of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(found), 64), strict=False))


async def verified(database: Database, login: str, password: str, limits: list[Limit]) -> StaffMember:
    return await passwords.sign_in(database, limits, login, password, "login", repository.enabled_by_login)


async def open_session(session: WriteSession, member: StaffMember) -> str:
    """Its token. Raises `Unauthenticated` when the password it was opened with is no longer the account's."""
    if not await repository.hold(session, member.id, member.password_hash):
        raise Unauthenticated("bad_sign_in", "the account has changed meanwhile")
    token, moment = secrets.token_urlsafe(32), now()
    await repository.remove_sessions(session, moment - KEPT)
    await repository.open_session(
        session, digest(token), member.id, moment, timedelta(seconds=SESSION_SECONDS)
    )
    return token


async def signed_in(database: Database, token: str) -> StaffView:
    """Whose session this is, as the account is now.

    Raises `Unauthenticated` for a session that is unknown, over or revoked, and for a disabled account.
    """
    moment, token_hash = now(), digest(token)
    async with database.read() as reading:
        found = await repository.signed_in(reading, token_hash, moment)
    if found is None:
        raise Unauthenticated("bad_credential", "this session has ended")
    member, seen_at = found
    if seen_at < moment - SEEN_EVERY:
        async with database.write() as session:
            await repository.touch(session, token_hash, moment)
    return service.view(member)


async def sign_out(session: WriteSession, token: str) -> None:
    """End this session; one that has ended stays so."""
    await repository.revoke(session, digest(token), now())


async def sign_out_everywhere(session: WriteSession, staff_id: int) -> None:
    """End every session of a member."""
    await repository.revoke_all(session, staff_id, now())


async def change_password(database: Database, member: StaffView, password: str, new: str) -> None:
    """One's own password; ends every session, this one too.

    Raises `Unauthenticated` (`bad_sign_in`) and `TooMany` (`too_many_tries`) after ten wrong ones in an hour.
    """
    found = await verified(database, member.login, password, [Limit("staff_change", member.login)])
    async with database.write() as session:
        await service.set_password(session, found.id, new)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
