"""The commands `xiaoer staff …`: accounts of people who work here, made without anybody signed in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from backoffice.settings import Settings
from backoffice.staff.schemas import SHORTEST_PASSWORD, NewStaff, Role, StaffAccount
from backoffice.supervisor import Trouble

if TYPE_CHECKING:
    from backoffice.kit.database import Database, WriteSession

console = Console()
staff = typer.Typer(help="The people who work here.", no_args_is_help=True)

LoginArgument = Annotated[str, typer.Argument(help="What they sign in with: lower case, no spaces.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password and print it, once.")]


@staff.command("add")
def add(
    login: LoginArgument,
    name: Annotated[str, typer.Option(help="What colleagues call them.")],
    role: Annotated[Role, typer.Option(help="What they may do.")] = "agent",
    generate: Generate = False,
) -> None:
    """
    A new account; asks for its password, or makes one.

    The first account of a shop is made this way, an admin's.

    [dim]xiaoer staff add boss --name 店长 --role admin
    xiaoer staff add ning --name 宁晓雨 --generate[/]
    """
    from backoffice.staff import service

    try:
        new = NewStaff(login=login, name=name, role=role)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise Trouble(f"{wrong['loc'][0]}: {wrong['msg']}.") from None
    password = chosen_password(generate)
    change_staff(lambda session: service.add(session, new.login, new.name, new.role, password))
    tell(f"{login} can sign in to the console.", password, generate)


@staff.command("list")
def listed() -> None:
    """Every account: role, skills, last seen."""
    from rich.table import Table

    from backoffice.kit.time import SHOP_ZONE
    from backoffice.staff import service

    async def work() -> list[StaffAccount]:
        async with migrated() as database, database.read() as session:
            return await service.accounts(session)

    table = Table("login", "name", "role", "skills", "last seen", "")
    for each in asyncio.run(work()):
        seen = each.last_seen_at.astimezone(SHOP_ZONE) if each.last_seen_at else None
        table.add_row(
            each.login,
            escape(each.name),
            each.role,
            ", ".join(each.skills),
            f"{seen:%Y-%m-%d %H:%M}" if seen else "never",
            "disabled" if each.disabled_at else "",
        )
    console.print(table)


@staff.command("password")
def set_password(login: LoginArgument, generate: Generate = False) -> None:
    """Give an account another password; ends all its sessions."""
    from backoffice.staff import service

    password = chosen_password(generate)

    async def verb(session: "WriteSession") -> None:
        await service.set_password(session, await service.id_of(session, login), password)

    change_staff(verb)
    tell(f"{login} has a new password.", password, generate)


@staff.command("disable")
def disable(login: LoginArgument) -> None:
    """Let nobody sign in with an account any more; ends all its sessions."""
    from backoffice.staff import service

    async def verb(session: "WriteSession") -> None:
        await service.disable(session, await service.id_of(session, login))

    change_staff(verb)
    console.print(f"{login} is disabled.")


@staff.command("enable")
def enable(login: LoginArgument) -> None:
    """Let somebody sign in again with an account that was disabled."""
    from backoffice.staff import service

    async def verb(session: "WriteSession") -> None:
        await service.enable(session, await service.id_of(session, login))

    change_staff(verb)
    console.print(f"{login} is enabled.")


def chosen_password(generate: bool) -> str:
    """The one that was typed twice, or a new one."""
    from backoffice.staff import service

    if generate:
        return service.new_password()
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if len(typed) < SHORTEST_PASSWORD:
        raise Trouble(f"A password has {SHORTEST_PASSWORD} characters at least.")
    return typed


def tell(done: str, password: str, generated: bool) -> None:
    console.print(done)
    if generated:
        console.print(f"Password, shown this once: [bold]{escape(password)}[/]", highlight=False)


def change_staff(verb: Callable[["WriteSession"], Awaitable[object]]) -> None:
    """Run one verb in the shop's database; a refusal is told in one line."""

    from backoffice.kit.errors import Problem

    async def work() -> None:
        async with migrated() as database, database.write() as session:
            await verb(session)

    try:
        asyncio.run(work())
    except Problem as problem:
        raise Trouble(f"{problem.detail or problem.code}.") from None


@asynccontextmanager
async def migrated() -> AsyncIterator["Database"]:
    """The shop's database with the present tables."""
    from backoffice import migrations
    from backoffice.kit.database import Database

    database = Database(Settings().database_url)
    try:
        await migrations.upgrade(database)
        yield database
    finally:
        await database.close()
