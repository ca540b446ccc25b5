"""Edits of training data from the console: asked for, shown with what they touch, saved."""

import asyncio
from collections.abc import Callable, Sequence

from nicegui import ui
from nicegui.events import UploadEventArguments

from backoffice.consoles.data_rows import findings, preview
from backoffice.consoles.dialogs import Read, ask, choice, text
from backoffice.consoles.markup import NOTHING, Markup
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.kit.errors import Conflict, Problem
from backoffice.training.datasets import nearness, retiring, service, verbs
from backoffice.training.datasets.archives import LARGEST, Upload, importing, unpack
from backoffice.training.datasets.domain import Editor, Labelled
from backoffice.training.datasets.drafts import Unsound, Verb
from backoffice.training.projects.editing import remove_example, replace_example
from backoffice.training.projects.entries import TermKind
from backoffice.training.projects.views import Example, Terms, Variation
from backoffice.training.projects.yaml_text import Unreadable

KINDS: tuple[TermKind, ...] = ("synonym", "lookup")
SHOWN = 6
MOST_AT_ONCE = 200


def explain(words: Words, problem: Problem) -> str | None:
    """What is wrong with an edit, by its place; None for what every page can say."""
    if isinstance(problem, Unsound):
        told = [words(f"data.trouble.{each.code}", **vars(each)) for each in problem.found[:SHOWN]]
        return "\n".join(told)
    if isinstance(problem, Unreadable):
        return words("data.unreadable", place=f"{problem.path}:{problem.line}", reason=problem.reason)
    if isinstance(problem, Conflict) and problem.code == "intent_in_code":
        places = "、".join(problem.extra["places"][:SHOWN])
        return words("data.in_code", intent=problem.extra["intent"], places=places)
    known = words.known("data_problem", problem.code, "")
    return f"{known}\n{problem.detail}" if known and problem.code.endswith("_invalid") else known or None


class Editing:
    """The dialogs of one admin's page; each tells whether something was saved."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words

    async def save(self, title: str, verb: Verb, above: Markup = NOTHING) -> bool:
        """Show what a verb does to the data as they are now, and do it when that is confirmed."""
        visit, words = self._visit, self._words
        async with visit.database.read() as session:
            draft = await service.draft(session, verb)
        if not draft.difference.files:
            ui.notify(words("data.nothing"), position="top")
            return False

        def build() -> Read:
            ui.html(above, sanitize=False)
            ui.html(preview(words, draft.difference), sanitize=False)
            why = text(words("data.why"), maxlength=500)
            return lambda: why.value or ""  # type: ignore[attr-defined]

        why = await ask(words, title, build, words("save"), danger=bool(draft.difference.removed))
        if why is None:
            return False
        member = await visit.member()
        async with visit.database.write() as session:
            dataset = await service.save(session, Editor(member.id, why.strip()), draft)
        ui.notify(words("data.saved", number=dataset.number), type="positive", position="top")
        return True

    async def add_sentences(self, intent: str) -> bool:
        said = await self._lines(self._words("data.add"), self._words("data.add_hint"))
        return bool(said) and await self._checked(
            self._words("data.add"), [Labelled(intent, each) for each in said or []]
        )

    async def _checked(self, title: str, added: list[Labelled]) -> bool:
        odd = await self._findings(added)
        return await self.save(title, lambda project: verbs.add_examples(project, added), odd)

    async def _findings(self, added: Sequence[Labelled]) -> Markup:
        async with self._visit.database.read() as session:
            head = await service.head(session)
        return findings(self._words, await asyncio.to_thread(nearness.check, head, added))

    async def _lines(self, title: str, hint: str, value: Sequence[str] = ()) -> list[str] | None:
        def build() -> Read:
            said = text(self._words("data.lines"), "\n".join(value), long=True, autofocus="")
            return lambda: lines_of(said.value)  # type: ignore[attr-defined]

        found: list[str] | None = await ask(self._words, title, build, self._words("data.check"), hint)
        return found

    async def add_intent(self) -> bool:
        words = self._words

        def build() -> Read:
            name = text(words("data.name"), maxlength=40, placeholder="trade_in", autofocus="")
            said = text(words("data.lines"), long=True)
            answer = text(words("data.answer"), long=True, maxlength=2000)
            return lambda: [each.value or "" for each in (name, said, answer)]  # type: ignore[attr-defined]

        given = await ask(
            words, words("data.add_intent"), build, words("data.check"), words("data.intent_hint")
        )
        if given is None:
            return False
        name, said, answer = given[0].strip(), lines_of(given[1]), given[2]
        odd = await self._findings([Labelled(name, each) for each in said])
        title = f"{words('data.add_intent')} {name}"
        return await self.save(title, lambda project: verbs.add_intent(project, name, said, answer), odd)

    async def change(self, example: Example, intent: str) -> bool:
        def build() -> Read:
            said = text(self._words("data.sentence"), example.marked, maxlength=500, autofocus="")
            return lambda: said.value or ""  # type: ignore[attr-defined]

        title, hint = self._words("data.change"), self._words("data.markup_hint")
        said = await ask(self._words, title, build, self._words("data.check"), hint)
        if said is None:
            return False
        odd = await self._findings([Labelled(intent, said)]) if said != example.marked else NOTHING
        return await self.save(
            title, lambda project: replace_example(project, example, said, example.metadata), odd
        )

    async def move(self, example: Example, intents: dict[str, str]) -> bool:
        into = await self._choose(self._words("data.move"), example.text, intents)
        return into is not None and await self.save(
            self._words("data.move"), lambda project: verbs.move_example(project, example, into)
        )

    async def remove(self, example: Example) -> bool:
        return await self.save(self._words("data.remove"), lambda project: remove_example(project, example))

    async def _choose(self, title: str, hint: str, options: dict[str, str]) -> str | None:
        def build() -> Read:
            chosen = choice(self._words("data.intent"), options).props("use-input")
            return lambda: chosen.value

        found: str | None = await ask(self._words, title, build, self._words("data.check"), hint)
        return found

    async def rename(self, intent: str) -> bool:
        def build() -> Read:
            name = text(self._words("data.name"), intent, maxlength=40, autofocus="")
            return lambda: (name.value or "").strip()  # type: ignore[attr-defined]

        title = self._words("data.rename")
        name = await ask(self._words, title, build, self._words("data.check"))
        return bool(name) and await self.save(
            title, lambda project: retiring.rename(project, intent, str(name))
        )

    async def merge(self, intent: str, intents: dict[str, str]) -> bool:
        title = self._words("data.merge")
        into = await self._choose(
            title, intent, {name: told for name, told in intents.items() if name != intent}
        )
        return into is not None and await self.save(
            title, lambda project: retiring.merge(project, intent, into)
        )

    async def retire(self, intent: str) -> bool:
        return await self.save(self._words("data.retire"), lambda project: retiring.retire(project, intent))

    async def answer(self, name: str, ways: Sequence[Variation], raw: Sequence[dict[str, object]]) -> bool:
        """`raw`: the ways to say it as they are in the file."""
        words = self._words

        def build() -> Read:
            fields = [
                text(words("data.way", number=n), way.text or "", long=True) for n, way in enumerate(ways, 1)
            ]
            more = text(words("data.another_way"), long=True)
            return lambda: [each.value or "" for each in (*fields, more)]  # type: ignore[attr-defined]

        said = await ask(words, name, build, words("data.check"), words("data.answer_hint"))
        if said is None:
            return False
        told = [kept for each, way in zip(raw, said, strict=False) if (kept := spoken(each, way))]
        told += [{"text": said[-1].strip()}] if said[-1].strip() else []
        return await self.save(name, lambda project: verbs.with_response(project, name, told))

    async def words_of(self, terms: Terms) -> bool:
        title = f"{self._words(f'data.kind.{terms.kind}')} {terms.name}"
        said = await self._lines(title, self._words("data.words_hint"), terms.values)
        return said is not None and await self.save(
            title, lambda project: verbs.with_terms(project, terms.kind, terms.name, said)
        )

    async def add_words(self) -> bool:
        words = self._words

        def build() -> Read:
            kind = choice(
                words("data.kind_label"), {each: words(f"data.kind.{each}") for each in KINDS}, "synonym"
            )
            name = text(words("data.words_name"), maxlength=80)
            said = text(words("data.lines"), long=True)
            return lambda: (kind.value, (name.value or "").strip(), lines_of(said.value))  # type: ignore[attr-defined]

        given = await ask(
            words, words("data.add_words"), build, words("data.check"), words("data.words_hint")
        )
        return given is not None and await self.save(
            words("data.add_words"), lambda project: verbs.with_terms(project, *given)
        )

    async def restore(self, number: int, intent: str | None = None) -> bool:
        async with self._visit.database.read() as session:
            old = await service.at(session, number)
        title = self._words("data.restore_to", number=number)
        return await self.save(title, verbs.restoring(old.project, intent))

    async def take_in(self) -> bool:
        """Choose a zip or a YAML file; see what it would do; take it in."""
        words = self._words
        uploads = list[Upload]()

        def build() -> Read:
            name = ui.label("").classes("quiet-text")

            async def arrived(event: UploadEventArguments) -> None:
                content = await event.file.read()
                uploads[:] = [await asyncio.to_thread(unpack, event.file.name, content)]
                left = (
                    words("data.left_out", files=" ".join(uploads[0].left_out)) if uploads[0].left_out else ""
                )
                name.set_text(f"{event.file.name} · {len(uploads[0].files)} {left}")

            def told(problem: Problem) -> None:
                ui.notify(explain(words, problem) or problem.detail, type="warning", position="top")

            picker = ui.upload(
                on_upload=caught(arrived, told),
                auto_upload=True,
                max_file_size=LARGEST,
                label=words("data.file"),
            )
            picker.props('accept=".zip,.yml,.yaml" flat bordered').classes("w-full")
            whole = ui.checkbox(words("data.whole"))
            return lambda: bool(whole.value)

        whole = await ask(words, words("data.import"), build, words("data.check"), words("data.import_hint"))
        return (
            whole is not None
            and bool(uploads)
            and await self.save(words("data.import"), importing(uploads[0], whole))
        )


def caught(handler: Callable[..., object], told: Callable[[Problem], None]) -> Callable[..., object]:
    async def run(event: object) -> None:
        try:
            await handler(event)  # type: ignore[misc]
        except Problem as problem:
            told(problem)

    return run


def spoken(way: dict[str, object], said: str) -> dict[str, object] | None:
    """A way to say it with another text; None when nothing is left of it."""
    kept = {key: value for key, value in way.items() if key != "text"}
    text = said.strip("\n")
    told = {key: text if key == "text" else value for key, value in way.items()} if "text" in way else way
    if text.strip():
        return told | {"text": text}
    return kept if any(kept.get(part) for part in ("image", "custom", "buttons")) else None


def lines_of(said: str | None) -> list[str]:
    lines = [line.strip() for line in (said or "").splitlines()]
    return list(dict.fromkeys(line for line in lines if line))[:MOST_AT_ONCE]
