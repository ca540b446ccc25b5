"""Promoting, rolling back, trying out: every verb says which switch it follows on.

So of two admins who decide at the same time, the second is told what the first did instead of undoing it.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import NamedTuple

from backoffice.events import audit
from backoffice.events import service as events
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.staff import service as staff
from backoffice.training.models import service as models
from backoffice.training.serving import repository
from backoffice.training.serving.domain import Kind, Mode, Serving
from backoffice.training.serving.models import ModelSwitch

TOPIC = "serving"
SEEN_WITHIN = timedelta(seconds=8)
"""A replica says something every two seconds; who was silent for so long is gone."""
MOST_PERCENT = 99


class Replica(NamedTuple):
    id: str
    live: str
    candidate: str
    trouble: str
    seen_at: datetime


class Deed(NamedTuple):
    """What somebody decides: `seen` is the id of the switch they saw as the last; `staff_id` None: the shop
    itself."""

    seen: int
    staff_id: int | None
    why: str


async def state(session: ReadSession) -> Serving:
    """What is served now."""
    return serving(await repository.last(session))


def serving(row: ModelSwitch | None) -> Serving:
    if row is None:
        return Serving()
    return Serving(
        row.id,
        row.after,
        row.kind,  # type: ignore[arg-type]
        row.live,
        row.candidate,
        row.mode,  # type: ignore[arg-type]
        row.percent,
        row.staff_id,
        row.why,
        row.override,
        row.at,
    )


async def history(session: ReadSession, page: Page) -> tuple[list[Serving], int]:
    """A page of the switches, the newest first, and how many there are."""
    found, total = await repository.listed(session, page.limit, page.offset)
    return [serving(each) for each in found], total


async def replicas(session: ReadSession) -> list[Replica]:
    """Those that live, by name."""
    found = await repository.replicas(session, now() - SEEN_WITHIN)
    return [Replica(each.id, each.live, each.candidate, each.trouble, each.seen_at) for each in found]


def reached(replicas: Sequence[Replica], served: Serving) -> int:
    """How many of the replicas hold all that is to be served."""
    return sum(each.live == served.live and each.candidate == served.candidate for each in replicas)


async def report(session: WriteSession, replica: Replica) -> None:
    """Keep what a replica says of itself."""
    await repository.report(session, **replica._asdict())


async def was_live(session: ReadSession, fingerprint: str) -> bool:
    """Whether a model of that fingerprint was ever live."""
    return await repository.was_live(session, f"-{fingerprint}.tar.gz")


async def start(session: WriteSession, live: str) -> Serving:
    """Serve a model without anybody having promoted it: the first one, or one newly made of what ships."""
    current = await state(session)
    return await follow(session, Deed(current.id, None, ""), "start", live)


async def promote(session: WriteSession, deed: Deed, model: str, override: str = "") -> Serving:
    """Have a model answer everybody.

    Raises `NotFound` (`model_not_found`) and `Conflict`: `already_live`, `switched_meanwhile` and, unless
    `override` says in words why it goes live all the same, `gate_objects` with `objections`.
    """
    current = await state(session)
    if model == current.live:
        raise Conflict("already_live")
    await models.known_model(session, model)
    objections = await models.objections(session, model, current.live)
    if objections and not override.strip():
        told = [asdict(each) for each in objections]
        raise Conflict("gate_objects", ", ".join(each.code for each in objections), objections=told)
    return await follow(session, deed, "promote", model, override=override.strip() if objections else "")


async def trial_since(session: ReadSession, served: Serving) -> datetime:
    """When the trial that goes on began: a share that grows goes on."""
    began = served
    while began.id and began.mode:
        earlier = serving(await repository.by_id(session, began.after))
        if (earlier.mode, earlier.candidate) != (served.mode, served.candidate):
            break
        began = earlier
    return began.at or now()


async def before(session: ReadSession, served: Serving) -> str:
    """The model that was live before the one that is was promoted; empty when there was none."""
    brought = await repository.brought_in(session, served.live)
    earlier = brought and brought.after and await repository.by_id(session, brought.after)
    return earlier.live if earlier and earlier.live != served.live else ""


async def roll_back(session: WriteSession, deed: Deed) -> Serving:
    """Have the model answer that did before the live one was promoted.

    Raises `Conflict` (`nothing_before`, `switched_meanwhile`) and `NotFound` (`model_not_found`: it was
    removed).
    """
    earlier = await before(session, await state(session))
    if not earlier:
        raise Conflict("nothing_before", "no model was live before this one")
    await models.known_model(session, earlier)
    return await follow(session, deed, "rollback", earlier)


async def start_shadow(session: WriteSession, deed: Deed, candidate: str) -> Serving:
    """Have a candidate read along without answering. Raises as `start_share` does."""
    return await try_out(session, deed, candidate, "shadow", 0)


async def start_share(session: WriteSession, deed: Deed, candidate: str, percent: int) -> Serving:
    """Have a candidate answer 1 to 99 percent of the conversations.

    Raises `Invalid` (`percent_out_of_range`), `NotFound` (`model_not_found`), `Conflict` (`already_live`,
    `switched_meanwhile`).
    """
    if not 1 <= percent <= MOST_PERCENT:
        raise Invalid("percent_out_of_range", f"1 to {MOST_PERCENT}")
    return await try_out(session, deed, candidate, "share", percent)


async def try_out(session: WriteSession, deed: Deed, candidate: str, mode: Mode, percent: int) -> Serving:
    current = await state(session)
    if candidate == current.live:
        raise Conflict("already_live")
    await models.known_model(session, candidate)
    return await follow(
        session, deed, "share" if mode == "share" else "shadow", current.live, candidate, mode, percent
    )


async def stop(session: WriteSession, deed: Deed) -> Serving:
    """End a shadow or a share. Raises `Conflict` (`nothing_on_trial`, `switched_meanwhile`)."""
    current = await state(session)
    if not current.mode:
        raise Conflict("nothing_on_trial")
    return await follow(session, deed, "stop", current.live)


async def follow(
    session: WriteSession,
    deed: Deed,
    kind: Kind,
    live: str,
    candidate: str = "",
    mode: Mode = "",
    percent: int = 0,
    override: str = "",
) -> Serving:
    done = await repository.switch(
        session,
        after=deed.seen,
        kind=kind,
        live=live,
        candidate=candidate,
        mode=mode,
        percent=percent,
        staff_id=deed.staff_id,
        why=deed.why.strip(),
        override=override,
        at=now(),
    )
    if not done:
        raise await meanwhile(session, deed.seen)
    if deed.staff_id is not None:
        detail = {"live": live, "candidate": candidate, "percent": percent, "override": override}
        await audit.record(
            session, deed.staff_id, f"model_{kind}", f"model:{candidate or live}", deed.why, **detail
        )
    await events.publish(session, TOPIC, str(deed.seen), {"kind": kind, "live": live, "candidate": candidate})
    return await state(session)


async def meanwhile(session: ReadSession, seen: int) -> Conflict:
    """Who was faster, and what they did."""
    rival = serving(await repository.after(session, seen))
    names = await staff.members(session, [rival.staff_id]) if rival.staff_id is not None else {}
    who = names[rival.staff_id].name if rival.staff_id in names else ""
    said = f"{who or 'the shop'}: {rival.kind} {rival.candidate or rival.live}"
    return Conflict("switched_meanwhile", said, who=who, kind=rival.kind, model=rival.candidate or rival.live)
