"""Which model answers shoppers, for admins: promoting, rolling back and trying out."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from backoffice.consoles.comparing import verdict
from backoffice.consoles.dialogs import Read, ask, choice, text
from backoffice.consoles.following import every
from backoffice.consoles.layout import style
from backoffice.consoles.markup import Rows
from backoffice.consoles.serving_views import Shown, history_view, live_view, short, trial_view
from backoffice.consoles.visit import Visit
from backoffice.conversations.reports import outcomes
from backoffice.kit.errors import Conflict, Problem
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.sharing import shared
from backoffice.staff import service as staff
from backoffice.training.models import service as models
from backoffice.training.models.domain import Objection
from backoffice.training.models.schemas import LONGEST_WHY
from backoffice.training.serving import service
from backoffice.training.serving.domain import Serving

REFRESH_SECONDS = 2.0
SWITCHES, MODELS = 20, 50
START_PERCENT = "10"

Verb = Callable[..., Awaitable[Serving]]


async def section(visit: Visit) -> None:
    """The part of a page that shows it, where the page is being built."""
    style("serving.css")
    await Desk(visit).build()


class Desk:
    """What one admin sees of it: what they decide follows on the switch that was `seen` when they began."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self._served, self._before, self._seen = Serving(), "", 0
        self._others: list[str] = []
        self._do: dict[str, Callable[[str], Awaitable[None]]] = {
            "serve_promote": self._promote,
            "serve_back": self._roll_back,
            "serve_shadow": self._shadow,
            "serve_share": self._share,
            "serve_stop": self._stop,
        }

    async def build(self) -> None:
        label = self._words("serving.title")
        self._rows = Rows(ui.element("section").classes("serving").props(f'aria-label="{label}"'))
        handle = self._visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        await self._refresh()
        every(self._visit, REFRESH_SECONDS, self._refresh)

    async def _handle(self, said: dict[str, Any]) -> None:
        deed = self._do.get(str(said.get("what", "")))
        if deed is not None:
            self._seen = self._served.id
            await deed(str(said.get("value", ""))[:80])
            await self._refresh()

    async def _refresh(self) -> None:
        words, moment = self._words, now()
        async with self._visit.database.read() as session:
            served = self._served = await service.state(session)
            self._before = await service.before(session, served)
            replicas = await service.replicas(session)
            switches, total = await service.history(session, Page(limit=SWITCHES))
            known = (await models.models(session, Page(limit=MODELS))).models
            people = await staff.members(session, [each.staff_id for each in switches if each.staff_id])
            read = (0, 0)
            found = []
            if served.mode == "shadow":
                since = await service.trial_since(session, served)
                read = await outcomes.read_along(session, served.candidate, since)
            elif served.mode == "share":
                found = await shared(session, served, moment)
        self._others = [each.name for each in known if each.name != served.live]
        names = {id: member.name for id, member in people.items()}
        shown = Shown(served, self._before, replicas, names, moment)
        rows = {"live": live_view(words, shown)}
        if served.mode:
            rows["trial"] = trial_view(words, shown, read, found)
        if total > 1:
            rows["history"] = history_view(words, shown, switches, total)
        self._rows.show(rows)

    async def _promote(self, model: str) -> None:
        asked = await self._ask("promote", with_model=not model)
        if asked is None:
            return
        model, why, _ = (model or asked[0], *asked[1:])
        try:
            await self._switch(service.promote, why, model)
        except Conflict as refused:
            if refused.code != "gate_objects":
                raise
            override = await self._override([Objection(**each) for each in refused.extra["objections"]])
            if override:
                await self._switch(service.promote, why, model, override)

    async def _override(self, objections: list[Objection]) -> str | None:
        words = self._words

        def build() -> Read:
            ui.html(verdict(words, objections), sanitize=False)
            field = text(words("serving.override"), maxlength=LONGEST_WHY, required="", autofocus="")
            return lambda: str(getattr(field, "value", "") or "").strip()

        hint = words("serving.override_hint")
        return await ask(words, words("serving.promote"), build, words("serving.anyway"), hint, danger=True)

    async def _roll_back(self, _: str) -> None:
        asked = await self._ask("roll_back", with_model=False, model=short(self._before))
        if asked is not None:
            await self._switch(service.roll_back, asked[1])

    async def _shadow(self, _: str) -> None:
        asked = await self._ask("shadow")
        if asked is not None:
            await self._switch(service.start_shadow, asked[1], asked[0])

    async def _share(self, model: str) -> None:
        asked = await self._ask("share", with_model=not model, with_percent=True)
        if asked is not None:
            percent = int(asked[2]) if re.fullmatch(r"\d{1,2}", asked[2]) else 0
            await self._switch(service.start_share, asked[1], model or asked[0], percent)

    async def _stop(self, _: str) -> None:
        asked = await self._ask("stop", with_model=False)
        if asked is not None:
            await self._switch(service.stop, asked[1])

    async def _ask(
        self, what: str, with_model: bool = True, with_percent: bool = False, **fields: str
    ) -> tuple[str, str, str] | None:
        """Model, reason and percent, as far as they are asked for."""
        words, others = self._words, self._others
        if with_model and not others:
            ui.notify(words("serving.no_others"), type="warning", position="top")
            return None

        def build() -> Read:
            asked: list[Any] = [None, None, None]
            if with_model:
                asked[0] = choice(words("serving.model"), {name: short(name) for name in others}, others[0])
            if with_percent:
                asked[2] = text(words("serving.percent"), str(self._served.percent or START_PERCENT))
            asked[1] = text(words("serving.why"), maxlength=LONGEST_WHY, autofocus="")
            return lambda: tuple(str(getattr(each, "value", "") or "").strip() for each in asked)

        title = words(f"serving.{what}", **fields)
        hint = "" if what == "stop" else words(f"serving.{what}_hint")
        return await ask(words, title, build, title, hint)

    async def _switch(self, verb: Verb, why: str, *given: object) -> None:
        words, who = self._words, await self._visit.member()
        deed = service.Deed(self._seen, who.id, why[:LONGEST_WHY])
        try:
            async with self._visit.database.write() as session:
                await verb(session, deed, *given)
        except Problem as problem:
            if problem.code != "switched_meanwhile":
                raise
            told = {
                "who": problem.extra["who"] or words("serving.itself"),
                "kind": words(f"serving.kind.{problem.extra['kind']}"),
                "model": short(str(problem.extra["model"])),
            }
            ui.notify(words("serving.meanwhile", **told), type="warning", position="top", timeout=8000)
        else:
            ui.notify(words("serving.done"), type="positive", position="top")
