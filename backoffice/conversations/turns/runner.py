"""The bot's turns: one at a time in each conversation, over all processes of the app."""

import asyncio
from datetime import timedelta
from typing import Any

import structlog

from backoffice.conversations import service
from backoffice.conversations.desk.domain import Hours
from backoffice.conversations.ports import Bot, BotAnswer, BotBroken, BotDown, BotReply, Trials, Utterance
from backoffice.conversations.schemas import Bubble, Button
from backoffice.conversations.tokens import Tokens
from backoffice.conversations.turns import service as turns
from backoffice.conversations.turns.service import Turn
from backoffice.events import service as events
from backoffice.events.bus import Bus
from backoffice.kit.database import Database
from backoffice.kit.errors import StaleTurn
from backoffice.kit.messages import message
from backoffice.settings import Settings
from backoffice.users.identity import Credentials, TurnCredential

log = structlog.get_logger()

RECOVER_SECONDS = 2.0
RETRY_SECONDS = 0.5
LEASE_MARGIN = 10.0
FAILURES_BEFORE_PEOPLE = 2


class BotSlow(Exception):
    """No answer before the deadline."""


class TurnRunner:
    """Has the bot answer what is unheard. A turn belongs to who holds its lease in the conversation's row;
    one that was left behind is taken up again under the same id, so that its errands are done once.
    """

    def __init__(
        self,
        database: Database,
        bot: Bot,
        bus: Bus,
        tokens: Tokens,
        settings: Settings,
        trials: Trials | None = None,
    ) -> None:
        self._database, self._bot, self._bus, self._tokens = database, bot, bus, tokens
        self._trials = trials
        self._credentials = Credentials(settings)
        self._slow_after, self._deadline = settings.turn_slow_after, settings.turn_deadline
        self._lease = timedelta(seconds=settings.turn_deadline + LEASE_MARGIN)
        self._hours = Hours.parse(settings.service_hours)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, Turn] = {}
        self._woken: set[str] = set()

    def wake(self, conversation_id: str) -> None:
        """See to it that what is unheard there is answered; returns at once."""
        self._woken.add(conversation_id)
        if conversation_id not in self._tasks:
            self._tasks[conversation_id] = asyncio.create_task(self._serve(conversation_id))

    async def run(self) -> None:
        """Take up what was left behind, now and every two seconds; on cancellation leave no turn waiting."""
        try:
            while True:
                try:
                    async with self._database.read() as session:
                        left = await turns.waiting_turns(session)
                    for conversation_id in left:
                        self.wake(conversation_id)
                except Exception as error:
                    log.error("recovery_failed", error=repr(error))
                await asyncio.sleep(RECOVER_SECONDS)
        finally:
            await self._release_all()

    async def _release_all(self) -> None:
        left = list(self._turns.values())
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with self._database.write() as session:
            for turn in left:
                await turns.release_turn(session, turn)

    async def _serve(self, conversation_id: str) -> None:
        try:
            while conversation_id in self._woken:
                self._woken.discard(conversation_id)
                more = True
                while more and (turn := await self._begin(conversation_id)):
                    self._turns[conversation_id] = turn
                    self._bus.signal(service.TOPIC, conversation_id, {})
                    more = await self._answer(turn)
        except Exception as error:
            log.error("turn_failed", conversation=conversation_id, error=repr(error))
        finally:
            self._woken.discard(conversation_id)
            self._turns.pop(conversation_id, None)
            del self._tasks[conversation_id]

    async def _begin(self, conversation_id: str) -> Turn | None:
        async with self._database.write() as session:
            return await turns.begin_turn(session, conversation_id, self._lease)

    async def _answer(self, turn: Turn) -> bool:
        """Run a turn to its end; whether something waits to be heard."""
        try:
            try:
                answer = await self._ask(turn)
            except BotSlow:
                return await self._give_up(turn, "bot_slow")
            except BotDown:
                return await self._give_up(turn, "bot_down")
            try:
                return await self._finish(turn, answer)
            except StaleTurn:
                await self._keep_reading(turn, answer)
                raise
        except StaleTurn:
            log.info("turn_was_stale", conversation=turn.conversation_id, turn=turn.id)
            return False

    async def _ask(self, turn: Turn) -> BotAnswer:
        asking = asyncio.create_task(self._reply(turn))
        try:
            await asyncio.wait({asking}, timeout=self._slow_after)
            if not asking.done():
                async with self._database.write() as session:
                    holding = Bubble(text=message("conversations", "turn.holding"))
                    await turns.say(session, turn, holding)
                await asyncio.wait({asking}, timeout=self._deadline - self._slow_after)
            if not asking.done():
                raise BotSlow
            return asking.result()
        finally:
            asking.cancel()

    async def _reply(self, turn: Turn) -> BotAnswer:
        credential = TurnCredential(
            conversation=turn.conversation_id, turn=turn.id, epoch=turn.epoch, customer=turn.customer_id
        )
        metadata: dict[str, Any] = {
            "turn": self._credentials.sign_turn(credential),
            "turn_id": turn.id,
            "channel": turn.channel,
            "sent_at": turn.sent_at.isoformat(),
            "signed_in": turn.customer_id is not None,
        }
        if self._trials and (trial := self._trials.of(turn.conversation_id)):
            metadata["candidate"] = {"model": trial.model, "answers": trial.answers}
        utterance = Utterance(turn.conversation_id, turn.text, metadata)
        try:
            try:
                return await self._tell_and_ask(turn, utterance)
            except BotDown:
                await asyncio.sleep(RETRY_SECONDS)
                return await self._tell_and_ask(turn, utterance)
        except BotBroken as error:
            log.error("bot_broken", conversation=turn.conversation_id, error=str(error))
            return BotAnswer([])

    async def _tell_and_ask(self, turn: Turn, utterance: Utterance) -> BotAnswer:
        if turn.missed:
            try:
                await self._bot.tell(turn.conversation_id, turn.missed)
            except BotBroken as error:
                log.error("bot_was_not_told", conversation=turn.conversation_id, error=str(error))
        return await self._bot.reply(utterance)

    async def _finish(self, turn: Turn, answer: BotAnswer) -> bool:
        bubbles = [self._bubble(turn, reply) for reply in answer.replies]
        async with self._database.write() as session:
            ended = await turns.end_turn(session, turn, bubbles)
            if answer.reading:
                await turns.keep_reading(session, turn, answer.reading)
            if ended.failures >= FAILURES_BEFORE_PEOPLE:
                await service.hand_over(session, turn.conversation_id, "bot_silent", self._hours)
                return False
            if ended.failures:
                await turns.say(session, turn, self._apology(turn))
            return ended.more

    async def _keep_reading(self, turn: Turn, answer: BotAnswer) -> None:
        """A turn whose errand handed the conversation over says nothing more, but it was understood."""
        if answer.reading:
            async with self._database.write() as session:
                await turns.keep_reading(session, turn, answer.reading)
                await events.publish(session, service.TOPIC, turn.conversation_id, {"read": turn.id})

    async def _give_up(self, turn: Turn, reason: str) -> bool:
        async with self._database.write() as session:
            await turns.end_turn(session, turn, [])
            await service.hand_over(session, turn.conversation_id, reason, self._hours)
        return False

    def _bubble(self, turn: Turn, reply: BotReply) -> Bubble:
        buttons = [self._button(turn, button.label, button.command) for button in reply.buttons]
        return Bubble(text=reply.text, buttons=buttons, card=reply.card)

    def _apology(self, turn: Turn) -> Bubble:
        human = self._button(turn, message("conversations", "turn.human"), "/human_handoff")
        return Bubble(text=message("conversations", "turn.apology"), buttons=[human])

    def _button(self, turn: Turn, label: str, command: str) -> Button:
        payload = self._tokens.sign_button(turn.conversation_id, label, command)
        return Button(label=label, payload=payload)
