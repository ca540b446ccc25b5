"""Passwords are kept as Argon2id hashes (RFC 9106), checked beside the loop; wrong ones are limited."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Protocol, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backoffice.kit.attempts import allow_attempt, forget_attempts
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.errors import TooMany, Unauthenticated

TRIES_AN_HOUR = 10
_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """A hash to keep; takes some 50 ms on purpose."""
    return _hasher.hash(password)


@cache
def nobodys_hash() -> str:
    return hash_password("")


async def password_fits(kept: str | None, password: str) -> bool:
    """Whether a password belongs to a kept hash; without a hash it is False after the same work."""
    try:
        fits = await asyncio.to_thread(_hasher.verify, kept or nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return fits and kept is not None


class Account(Protocol):
    """Whatever has a password, or none."""

    @property
    def password_hash(self) -> str | None: ...


A = TypeVar("A", bound=Account)


async def sign_in(
    database: Database,
    scope: str,
    name: str,
    password: str,
    named: str,
    find: Callable[[ReadSession, str], Awaitable[A | None]],
) -> A:
    """The account that `find` knows by this name, when the password is its own.

    Tries count within `scope`; `named` is what such a name is called.

    Raises `Unauthenticated` (`bad_sign_in`: the same for an unknown name and a wrong password) and `TooMany`
    (`too_many_tries`) after ten wrong ones within an hour. A try counts even though the sign-in fails.
    """
    async with database.write() as session:
        allowed = await allow_attempt(session, scope, name, TRIES_AN_HOUR)
    if not allowed:
        raise TooMany("too_many_tries", "too many wrong passwords, try again in an hour")
    async with database.read() as reading:
        found = await find(reading, name)
    if not await password_fits(found.password_hash if found else None, password) or found is None:
        raise Unauthenticated("bad_sign_in", f"{named} or password is wrong")
    async with database.write() as session:
        await forget_attempts(session, scope, name)
    return found
