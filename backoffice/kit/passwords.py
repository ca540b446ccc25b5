"""Passwords are kept as Argon2id hashes (RFC 9106), checked beside the loop; wrong ones are limited."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backoffice.kit.attempts import allow_attempt, forget_attempts, give_back_attempt
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


@dataclass(frozen=True)
class Limit:
    """How many wrong passwords `subject` may show in an hour.

    A right one clears the count, unless the subject also stands for others: it only is not counted then.
    """

    scope: str
    subject: str
    tries: int = TRIES_AN_HOUR
    shared: bool = False


async def sign_in(
    database: Database,
    limits: Sequence[Limit],
    name: str,
    password: str,
    named: str,
    find: Callable[[ReadSession, str], Awaitable[A | None]],
) -> A:
    """The account that `find` knows by this name, when the password is its own.

    Tries count against each of `limits` in turn, up to the first that is reached; `named` is what such a
    name is called.

    Raises `Unauthenticated` (`bad_sign_in`: the same for an unknown name and a wrong password) and `TooMany`
    (`too_many_tries`) when a limit was reached. A try counts even though the sign-in fails.
    """
    if not await allowed(database, limits):
        raise TooMany("too_many_tries", "too many wrong passwords, try again in an hour")
    async with database.read() as reading:
        found = await find(reading, name)
    if not await password_fits(found.password_hash if found else None, password) or found is None:
        raise Unauthenticated("bad_sign_in", f"{named} or password is wrong")
    async with database.write() as session:
        for limit in limits:
            end = give_back_attempt if limit.shared else forget_attempts
            await end(session, limit.scope, limit.subject)
    return found


async def allowed(database: Database, limits: Sequence[Limit]) -> bool:
    """Count a try; False at the first limit that is reached, and those behind it do not count."""
    async with database.write() as session:
        for limit in limits:
            if not await allow_attempt(session, limit.scope, limit.subject, limit.tries):
                return False
    return True
