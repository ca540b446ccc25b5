"""Models on trial in conversations: who gets one, how both go, and when it is stopped."""

import asyncio
from datetime import datetime, timedelta

import structlog

from backoffice.conversations.ports import Trial
from backoffice.conversations.reports import outcomes
from backoffice.conversations.reports.outcomes import ConversationOutcome
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.errors import Conflict
from backoffice.kit.repeating import again
from backoffice.kit.time import now
from backoffice.training.serving import service as serving
from backoffice.training.serving.domain import Outcome, Serving, Verdict, answered_by_candidate, verdict

log = structlog.get_logger()

FOLLOW_SECONDS = 1.0
GUARD_SECONDS = 30.0
SETTLES = timedelta(minutes=10)
"""A conversation is judged when it began so long ago: only then has it had the time to go wrong."""


class Following:
    """What is served, as this process last saw it; turns ask it without a query."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._served = Serving()

    async def run(self) -> None:
        """Look now and every second, until cancelled."""
        await again(self.look, FOLLOW_SECONDS, "serving_not_followed")

    async def look(self) -> None:
        async with self._database.read() as session:
            self._served = await serving.state(session)

    def of(self, conversation: str) -> Trial | None:
        """See `ports.Trials`."""
        served = self._served
        if not served.mode:
            return None
        if served.mode == "shadow":
            return Trial(served.candidate, answers=False)
        return Trial(served.candidate, answers=True) if answered_by_candidate(served, conversation) else None


async def shared(session: ReadSession, served: Serving, until: datetime) -> list[ConversationOutcome]:
    """The conversations since a share began, the oldest first."""
    since = await serving.trial_since(session, served)
    return await outcomes.outcomes(session, served.candidate, since, until)


class Guard:
    """Stops a share by itself when its conversations go wrong more often. Any number of processes may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Now and every half a minute, until cancelled."""
        await again(self.round, GUARD_SECONDS, "share_not_guarded")

    async def round(self) -> Verdict | None:
        """Why the share was stopped; None: it goes on, or there is none."""
        async with self._database.read() as session:
            served = await serving.state(session)
            if served.mode != "share":
                return None
            found = await shared(session, served, now() - SETTLES)
        told = [Outcome(each.began, each.tried, each.handed_over or each.fallback) for each in found]
        harm = await asyncio.to_thread(verdict, told)
        if harm is None:
            return None
        try:
            async with self._database.write() as session:
                await serving.stop(session, serving.Deed(served.id, None, reason(harm)))
        except Conflict:
            return None
        log.warning("share_stopped", candidate=served.candidate, **harm._asdict())
        return harm


def reason(harm: Verdict) -> str:
    """Figures in a form that a page can put into words: harmed/all of the candidate, of the live model."""
    return (
        f"harm {harm.candidate_harmed}/{harm.candidate_all} {harm.live_harmed}/{harm.live_all}"
        f" p={harm.chance:.2g}"
    )
