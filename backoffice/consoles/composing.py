"""Writing to the shopper, or to colleagues: sending, canned replies, macros, suggestions."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nicegui import ui

from backoffice.consoles.replies import action_label
from backoffice.consoles.suggest import suggestions
from backoffice.conversations.desk import inbox
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.thread import Thread
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict, Problem
from backoffice.kit.messages import catalogue
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.staff import presence, replies

if TYPE_CHECKING:
    from backoffice.consoles.workbench import Workbench

LONGEST = 2000
REPLIES_KNOWN = 100


async def prepare(bench: Workbench) -> None:
    """Tell the page's script the canned replies and who can be mentioned."""
    visit = bench.visit
    async with visit.database.read() as session:
        known = await replies.listed(session, visit.who, "", Page(limit=REPLIES_KNOWN))
        everybody = await presence.everybody(session, now())
    bench.order(
        "prepare",
        {
            "canned": [
                {
                    "id": each.id,
                    "shortcut": each.shortcut,
                    "title": each.title,
                    "text": each.text,
                    "actions": [action_label(bench.words, action) for action in each.actions],
                }
                for each in known.replies
            ],
            "people": [{"id": each.staff_id, "name": each.name} for each in everybody],
            "words": catalogue("consoles", visit.words.language)["script"],
        },
    )


async def send(bench: Workbench, said: dict[str, Any]) -> None:
    """A line to the shopper or a note; a draft that could not be sent goes back into the box."""
    found = bench.talk.found
    text = str(said.get("text", ""))[:LONGEST]
    attachment = str(said["attachment"])[:32] if said.get("attachment") else None
    if found is None or said.get("conversation") != found.id or not (text.strip() or attachment):
        bench.order("restore", said)
        return
    try:
        async with bench.visit.database.write() as session:
            if said.get("mode") == "note":
                await inbox.note(session, found.id, bench.visit.who.id, text, mentioned(said))
            else:
                expecting = int(said.get("expecting") or 0)
                await desk.answer(session, found.id, bench.visit.who.id, text, attachment, expecting)
    except Conflict as problem:
        bench.order("restore", said)
        if problem.code != "new_lines":
            raise
        ui.notify(bench.words("problem.new_lines"), type="warning", position="top", timeout=8000)
    except Problem:
        bench.order("restore", said)
        raise
    else:
        if said.get("macro"):
            await run_macro(bench, found, int(said["macro"]))
        bench.order("sent", found.id)
    await bench.refresh()


def mentioned(said: dict[str, Any]) -> list[int]:
    ids = said.get("mentions")
    return [int(each) for each in ids[:20]] if isinstance(ids, list) else []


async def run_macro(bench: Workbench, found: Thread, reply_id: int) -> None:
    """What a macro does once its text is sent, in one transaction."""
    by = bench.visit.who.id

    async def do(session: WriteSession, verb: str, value: str) -> None:
        if verb == "tag":
            await inbox.tag(session, found.id, by, [value])
        elif verb == "resolve":
            await desk.resolve(session, found.id, by)
        elif verb == "give_back":
            await desk.give_back(session, found.id, by)

    async with bench.visit.database.write() as session:
        known = await replies.listed(session, bench.visit.who, "", Page(limit=REPLIES_KNOWN))
        actions = next((each.actions for each in known.replies if each.id == reply_id), [])
        for action in actions:
            verb, _, value = action.partition(":")
            await do(session, verb, value)


async def canned(bench: Workbench, said: dict[str, Any]) -> None:
    """Put a canned reply into the box, with the shopper's name and newest order filled in."""
    visit, dossier = bench.visit, bench.customer.dossier
    async with visit.database.read() as session:
        known = await replies.listed(session, visit.who, "", Page(limit=REPLIES_KNOWN))
    chosen = next((each for each in known.replies if each.id == said.get("value")), None)
    if chosen is None:
        return
    name = dossier.person.name if dossier.person else bench.words("dear")
    order = dossier.orders[0].number if dossier.orders else ""
    text = replies.filled(chosen.text, name=name, order=order)
    macro = {"id": chosen.id, "actions": [action_label(bench.words, each) for each in chosen.actions]}
    bench.order("insert", {"text": text, "macro": macro if chosen.actions else None})


async def again(bench: Workbench, said: dict[str, Any]) -> None:
    """Put a line that did not arrive back into the box."""
    lines = bench.talk.found.lines if bench.talk.found else []
    chosen = next((line for line in lines if str(line.event) == said.get("value")), None)
    if chosen is not None:
        bench.order("insert", {"text": chosen.text, "macro": None})


async def suggest(bench: Workbench) -> None:
    """Offer answers to the shopper's last words."""
    if bench.talk.found is None:
        return
    async with bench.visit.database.read() as session:
        found = await suggestions(session, bench.visit.who, bench.talk.found)
    bench.order(
        "suggest",
        [{**asdict(each), "source": bench.words(f"suggestion.{each.source}")} for each in found],
    )
