"""Models for admins: train, watch jobs, and see how a candidate compares with another model."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from nicegui import ui

from backoffice.consoles import model_charts
from backoffice.consoles.comparing import comparison_view, intents, sentence_list
from backoffice.consoles.dialogs import Read, ask, text
from backoffice.consoles.following import every
from backoffice.consoles.inbox import clock
from backoffice.consoles.layout import Place, style
from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, span, tag
from backoffice.consoles.serving import section
from backoffice.consoles.serving_views import short
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.kit.errors import NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.staff import service as staff
from backoffice.training.datasets import service as datasets
from backoffice.training.models import service
from backoffice.training.models.domain import Comparison
from backoffice.training.models.schemas import LONGEST_WHY, JobView, ModelView

PLACE = Place("/models", "models", ("admin",))
REFRESH_SECONDS = 1.0
PAST_JOBS, MODELS, SENTENCES = 5, 20, 30


async def build(visit: Visit) -> None:
    style("supervising.css")
    style("models.css")
    await ModelDesk(visit).build()


class ModelDesk:
    """One admin's page; `chosen` is the candidate whose comparison is shown, `set` the sentences of it."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self._chosen = str(visit.request.query_params.get("model", ""))[:80]
        self._set = ""
        self._shown = SENTENCES
        self._comparison: Comparison | None = None
        self._rivals: dict[str, str] = {}
        self._last_made = ""
        self._do: dict[str, Callable[[str], Awaitable[None]]] = {
            "train": self._train,
            "cancel": self._cancel,
            "judge": self._judge,
            "choose": self._choose,
            "set": self._show_set,
            "more": self._more,
        }

    async def build(self) -> None:
        words = self._words
        with ui.element("main").classes("reports models"):
            top = div(
                "head-top",
                tag("h1", "page-title", words("models.title")),
                span("grow"),
                button("train", words("models.train"), kind="button primary"),
            )
            ui.html(top, sanitize=False)
            await section(self._visit)
            self._jobs = Rows(ui.element("section").classes("jobs").props("aria-live=polite"))
            ui.html(tag("h2", "panel-title", words("models.all")), sanitize=False)
            self._models = Rows(ui.element("div").classes("panel"))
            self._view = ui.element("section").classes("comparison")
        handle = self._visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        await self._refresh()
        every(self._visit, REFRESH_SECONDS, self._refresh)

    async def _handle(self, said: dict[str, Any]) -> None:
        deed = self._do.get(str(said.get("what", "")))
        if deed is not None:
            await deed(str(said.get("value", ""))[:80])
            await self._refresh()

    async def _train(self, _: str) -> None:
        words = self._words

        def build() -> Read:
            field = text(words("models.why"), maxlength=LONGEST_WHY, autofocus="")
            return lambda: str(getattr(field, "value", "") or "")

        why = await ask(
            words, words("models.train"), build, words("models.begin"), hint=words("models.train_hint")
        )
        if why is None:
            return
        await self._visit.member()
        async with self._visit.database.write() as session:
            head = await datasets.head_number(session)
            await service.ask(session, "train", self._visit.who.id, why[:LONGEST_WHY], head)

    async def _judge(self, model: str) -> None:
        async with self._visit.database.write() as session:
            head = await datasets.head_number(session)
            await service.ask(session, "evaluate", self._visit.who.id, "", head, model)

    async def _cancel(self, job: str) -> None:
        if job.isascii() and job.isdigit() and len(job) < 19:
            async with self._visit.database.write() as session:
                await service.cancel(session, int(job), self._visit.who.id)

    async def _choose(self, model: str) -> None:
        self._chosen, self._shown = model, SENTENCES
        await self._compare()

    async def _show_set(self, name: str) -> None:
        self._set, self._shown = name, SENTENCES
        self._draw()

    async def _more(self, _: str) -> None:
        self._shown += SENTENCES
        self._draw()

    async def _refresh(self) -> None:
        async with self._visit.database.read() as session:
            jobs = (await service.jobs(session, Page(limit=20))).jobs
            found = (await service.models(session, Page(limit=MODELS))).models
            self._rivals = await service.rivals(session, [each.name for each in found])
            people = {each.id: each.name for each in await staff.accounts(session)}
        going = [each for each in reversed(jobs) if not each.over]
        past = [each for each in jobs if each.over][:PAST_JOBS]
        moment = now()
        rows = {f"{each.id}": job_row(self._words, each, people, moment) for each in [*going, *past]}
        self._jobs.show(rows or {"none": div("empty", self._words("models.no_jobs"))})
        models = {
            each.name: model_row(
                self._words, each, each.name in self._rivals, each.name == self._chosen, moment
            )
            for each in found
        }
        self._models.show(models or {"none": div("none", self._words("models.none"))})
        await self._show_news(past)

    async def _show_news(self, past: Sequence[JobView]) -> None:
        """The comparison of the job that ended last, when it is another than before."""
        made = next((each.model for each in past if each.state == "done" and each.model in self._rivals), "")
        if made != self._last_made:
            self._chosen = made if self._last_made or not self._chosen else self._chosen
            self._last_made = made
            await self._compare()
        elif self._comparison is None and self._chosen in self._rivals:
            await self._compare()

    async def _compare(self) -> None:
        self._comparison = None
        if rival := self._rivals.get(self._chosen):
            try:
                async with self._visit.database.read() as session:
                    self._comparison = await service.compare(session, self._chosen, rival)
            except NotFound:
                pass
        self._draw()

    def _draw(self) -> None:
        self._view.clear()
        comparison = self._comparison
        with self._view:
            if comparison is None:
                return
            name = self._set if self._set in comparison.sets else next(iter(comparison.sets), "")
            ui.html(comparison_view(self._words, comparison, name), sanitize=False)
            chosen = comparison.sets.get(name)
            if chosen is None:
                return
            for list_name, changed in (("lost", chosen.lost), ("won", chosen.won)):
                ui.html(sentence_list(self._words, list_name, changed, self._shown), sanitize=False)
            with ui.element("div").classes("charts"):
                for title, options in model_charts.of(self._words, chosen).items():
                    label = self._words(f"models.{title}")
                    with ui.element("figure").classes(f"chart {title}").props(f'aria-label="{label}"'):
                        ui.html(tag("figcaption", "panel-title", label), sanitize=False)
                        ui.echart(options)
            ui.html(intents(self._words, chosen.intents), sanitize=False)


def job_row(words: Words, job: JobView, people: dict[int, str], moment: datetime) -> Markup:
    who = people.get(job.staff_id or 0, words("models.command_line"))
    when = clock(job.ended_at or job.asked_at, moment)
    what = words(f"models.kind.{job.kind}", model=short(job.model), dataset=job.dataset)
    state = (
        words("models.cancelling") if job.cancelled and not job.over else words(f"models.state.{job.state}")
    )
    top = div(
        "agent-top",
        span(f"chip {job.state}", state),
        span("name", what),
        span("quiet-text", f"{who} · {when}"),
        span("grow"),
        NOTHING
        if job.over or job.cancelled
        else button("cancel", words("models.cancel"), kind="button small", value=job.id),
    )
    return div(
        f"panel job is-{job.state}",
        top,
        div("quiet-text", job.why) if job.why else NOTHING,
        bar(words, job) if job.state == "running" else NOTHING,
        div("why", f"{words.known('model_problem', job.error)} {job.detail}") if job.detail else NOTHING,
        log(words, job) if job.log and job.state in ("running", "failed") else NOTHING,
    )


def bar(words: Words, job: JobView) -> Markup:
    share = round(100 * job.progress)
    return div(
        "step",
        div(
            "load",
            div("load-bar", style=f"width: {share}%"),
            role="progressbar",
            aria_valuenow=share,
            aria_valuemin=0,
            aria_valuemax=100,
            aria_label=words("models.progress"),
        ),
        span("quiet-text", f"{words.known('model_step', job.step.replace(' ', '_'), job.step)} · {share}%"),
    )


def log(words: Words, job: JobView) -> Markup:
    return tag(
        "details",
        "job-log",
        tag("summary", "quiet-text", words("models.log")),
        tag("pre", "", job.log),
        data_keep=f"log-{job.id}",
    )


def model_row(words: Words, model: ModelView, compared: bool, chosen: bool, moment: datetime) -> Markup:
    facts = [
        words("models.from_data", number=model.dataset) if model.dataset else words("models.as_shipped"),
        words("models.megabytes", size=f"{model.bytes / 1e6:.1f}"),
    ]
    if model.seconds:
        facts.append(words("models.took", seconds=round(model.seconds)))
    return div(
        "model-row chosen" if chosen else "model-row",
        div(
            "dead-what",
            div("agent-top", span("name", short(model.name)), span("quiet-text", clock(model.at, moment))),
            div("quiet-text", " · ".join(facts)),
        ),
        button("judge", words("models.judge"), kind="button small", value=model.name),
        button(
            "choose",
            words("models.compare"),
            kind="button small",
            value=model.name,
            aria_pressed="true" if chosen else "false",
        )
        if compared
        else NOTHING,
    )
