"""A page that somebody of the staff has open: who they are now, in which language, and what they may ask."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from nicegui import ui

from backoffice.consoles.live import Live
from backoffice.consoles.session import HOME, signed_in
from backoffice.consoles.words import Words, words_of
from backoffice.kit.database import Database
from backoffice.kit.errors import Forbidden, Problem, Unauthenticated
from backoffice.kit.messages import message
from backoffice.settings import Settings
from backoffice.staff.schemas import Role, StaffView

SIGN_IN = f"{HOME}/sign-in"


@dataclass
class Visit:
    app: FastAPI
    request: Request
    who: StaffView
    words: Words
    roles: tuple[Role, ...] = ()

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database

    @property
    def settings(self) -> Settings:
        settings: Settings = self.app.state.settings
        return settings

    @property
    def live(self) -> Live:
        live: Live = self.app.state.live
        return live

    async def member(self, *roles: Role) -> StaffView:
        """Who sits there now; ask before everything. Raises `Unauthenticated` and `Forbidden`."""
        self.who = await signed_in(self.request, self.database, *(roles or self.roles))
        return self.who

    def guarded(self, handler: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[bool]]:
        """The handler for those whose session lasts; a problem is told in words. Whether it went well."""

        async def run(*given: Any) -> bool:
            try:
                await self.member()
                await handler(*given)
            except Unauthenticated:
                ui.navigate.to(SIGN_IN.removeprefix(HOME))
            except Problem as problem:
                ui.notify(self.explain(problem), type="warning", position="top", timeout=6000)
            else:
                return True
            return False

        return run

    def explain(self, problem: Problem) -> str:
        """What went wrong, in words a person can act on."""
        said = self.words.known("problem", problem.code, "")
        if not said:
            try:
                said = message("conversations", f"error.{problem.code}", self.words.language)
            except KeyError:
                said = self.words("problem.other", code=problem.code)
        return said


async def visit(app: FastAPI, request: Request, *roles: Role) -> Visit | RedirectResponse:
    """The visit that this request begins; people who may not are sent where they may be."""
    try:
        who = await signed_in(request, app.state.database, *roles)
    except Unauthenticated:
        return RedirectResponse(SIGN_IN)
    except Forbidden:
        return RedirectResponse(f"{HOME}/")
    return Visit(app, request, who, words_of(request), roles)
