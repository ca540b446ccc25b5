"""The worker: whatever goes on without anybody asking. It lives in the app, or apart (`xiaoer worker`).

It alone launches DBOS, the library whose workflows survive the process that runs them.
"""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import sqlalchemy
import structlog
from dbos import DBOS, DBOSConfig
from sqlalchemy import event
from sqlalchemy.engine import make_url

from backoffice.conversations.announcements import TOPICS, notices
from backoffice.conversations.following import Following
from backoffice.conversations.order_news import order_news
from backoffice.conversations.parcel_news import parcel_news
from backoffice.conversations.payment_news import payment_news
from backoffice.conversations.return_news import return_news
from backoffice.events.bus import open_bus
from backoffice.events.courier import Courier
from backoffice.events.relay import Relay
from backoffice.events.webhooks import Secrets
from backoffice.fulfillment.ports import Carrier
from backoffice.fulfillment.rounds import Rounds
from backoffice.fulfillment.sending import Sending
from backoffice.inventory import alerts, feed
from backoffice.inventory.alerts import Cover
from backoffice.inventory.holds import Sweeper
from backoffice.inventory.sheets import RECEIPTS
from backoffice.kit import executors
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.idempotency import IdempotencyKey
from backoffice.kit.repeating import again, background
from backoffice.kit.time import now
from backoffice.kit.trimming import Kept, Trimming
from backoffice.returns.deadlines import Deadlines
from backoffice.returns.rerouting import Rerouting
from backoffice.reviewing import Reviewing
from backoffice.settings import Settings
from backoffice.sharing import Guard
from backoffice.trade.checkout.models import StoredQuote
from backoffice.trade.lifecycle import workflows
from backoffice.trade.lifecycle.completing import Completing
from backoffice.trade.lifecycle.fulfilling import Fulfilling
from backoffice.trade.lifecycle.loyalty import Loyalty
from backoffice.trade.lifecycle.workflows import Workflows
from backoffice.trade.payments.collecting import Collecting
from backoffice.trade.payments.repaying import Repaying
from backoffice.trainer import BOT_PYTHON, ROOT
from backoffice.training.models import service as models
from backoffice.training.models.models import Evaluation
from backoffice.training.models.trainer import Trainer
from backoffice.training.serving import service as serving
from backoffice.training.serving.keeping import Keeping
from backoffice.users.points import Expiry
from backoffice.workshop import BotWorkshop
from integrations.carriers.http import HttpCarrier
from integrations.channels.webhooks import HttpPost
from integrations.payments.gateways import Gateway, Simulators, gateways

log = structlog.get_logger()

WORKFLOWS_VERSION = "1"
"""Stays: a workflow goes on under the version it began with only. Its code changes by `DBOS.patch`."""
BEAT_SECONDS = 5.0
DEAD_AFTER = timedelta(seconds=30)
LISTEN_SECONDS = 1.0
"""How often DBOS on SQLite looks for messages to its waiting workflows; PostgreSQL tells it."""
THREADS, CONNECTIONS = 16, 8
KEPT, BATCH = timedelta(days=30), 100
SERVED = (
    Kept(IdempotencyKey, IdempotencyKey.at, timedelta(days=30), IdempotencyKey.scope != RECEIPTS),
    Kept(StoredQuote, StoredQuote.expires_at, timedelta(days=7)),
    Kept(Evaluation, Evaluation.at, timedelta(days=180)),
)
EXAMINED = ROOT / "tests" / "bot" / "unseen.jsonl"
NEVER = datetime(2000, 1, 1, tzinfo=UTC)


class Engine:
    """DBOS beside the shop's database, while its block lasts. A process can have one at a time.

    Its tables are made beside the loop: PostgreSQL makes an index only when the transactions that are open
    in this process have ended. Workflows of this process run in the loop that enters the block. Those of
    processes that died are taken over by one that lives.
    """

    _running = False

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._place = ExitStack()
        self.id = settings.worker_id

    async def __aenter__(self) -> Self:
        if Engine._running:
            raise RuntimeError("this process runs workflows already: give other apps in it worker='apart'")
        Engine._running = True
        self.id = self.id or self._place.enter_context(executors.place(self._settings.state))
        await self._beat()
        await asyncio.to_thread(DBOS.migrate, self._settings.workflows_url)
        self._dbos = DBOS(config=self._config())
        DBOS.launch()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves workflows where they are; whoever comes next goes on with them."""
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        for task in (tasks := list(self._dbos._workflow_tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with ThreadPoolExecutor(1) as apart:
            await asyncio.get_running_loop().run_in_executor(apart, DBOS.destroy)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        async with self._database.write() as session:
            await executors.beat(session, self.id, NEVER)
        self._place.close()
        Engine._running = False

    async def run(self) -> None:
        """Say that this process lives and take over from those that do not, until cancelled."""
        await again(self.round, BEAT_SECONDS, "workflows_round_failed")

    async def round(self) -> None:
        await self._beat()
        before = now() - DEAD_AFTER
        async with self._database.read() as session:
            gone = await executors.dead(session, before)
        await self._forget(now() - KEPT)
        for id in gone:
            taken = await asyncio.to_thread(DBOS._recover_pending_workflows, [id])
            log.info("workflows_taken_over", executor=id, workflows=len(taken))
            async with self._database.write() as session:
                await executors.bury(session, id, before)

    async def _forget(self, before: datetime) -> None:
        """Remove workflows that ended before that time, some at most."""
        ended = await DBOS.list_workflows_async(
            status="SUCCESS",
            completed_before=before.isoformat(),
            limit=BATCH,
            load_input=False,
            load_output=False,
        )
        if ended:
            await DBOS.delete_workflows_async([each.workflow_id for each in ended])

    async def _beat(self) -> None:
        async with self._database.write() as session:
            await executors.beat(session, self.id, now())

    def _config(self) -> DBOSConfig:
        url = self._settings.workflows_url
        config = DBOSConfig(
            name="xiaoer",
            system_database_url=url,
            executor_id=self.id,
            application_version=WORKFLOWS_VERSION,
            sys_db_pool_size=CONNECTIONS,
            run_migrations=False,
            max_executor_threads=THREADS,
            notification_listener_polling_interval_sec=LISTEN_SECONDS,
            log_level="ERROR",
        )
        if make_url(url).get_backend_name() == "sqlite":
            config["system_database_engine"] = sqlite_engine(url)
        return config


def sqlite_engine(url: str) -> sqlalchemy.Engine:
    """As DBOS makes it, but in WAL mode: five times as many workflows a second."""
    engine = sqlalchemy.create_engine(url, pool_size=CONNECTIONS, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


class Worker:
    """Everything that is done in the background. Any number of processes may run one on one database.

    An event has been sent on when every consumer here took it, so all there are of a topic are named here.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        courier: Courier,
        carriers: Mapping[str, Carrier],
        collecting: Collecting,
    ) -> None:
        self.engine = Engine(settings, database)
        workflows.use(database, collecting.lapse)
        self.relay = Relay(database)
        for topic, told in TOPICS.items():
            courier.subscribe(self.relay, topic, told, notices)
        courier.subscribe(self.relay, feed.CHANGED, {feed.CHANGED}, feed.notices)
        for topic in (alerts.LOW, alerts.RECOVERED):
            courier.subscribe(self.relay, topic, {topic}, alerts.notices)
        Following(database, settings).subscribe(self.relay)
        parcel_news(database).subscribe(self.relay)
        return_news(database).subscribe(self.relay)
        payment_news(database).subscribe(self.relay)
        order_news(database).subscribe(self.relay)
        Rerouting(database).subscribe(self.relay)
        Workflows(database).subscribe(self.relay)
        Fulfilling(database).subscribe(self.relay)
        Loyalty(database).subscribe(self.relay)
        Sending(database, carriers).subscribe(self.relay)
        reviewing = Reviewing(database)
        reviewing.subscribe(self.relay)
        self.works = (
            self.engine,
            self.relay,
            courier,
            Expiry(database),
            Sweeper(database),
            feed.Follower(database),
            alerts.Watch(database, Cover(settings.stock_low_days, settings.stock_enough_days)),
            Rounds(database, carriers, timedelta(days=settings.parcel_lost_after_days)),
            Deadlines(database),
            Completing(database),
            collecting,
            Repaying(database, collecting.gateways),
            Guard(database),
            Keeping(database, settings.models),
            Trimming(database, SERVED),
            *([Trainer(database, BotWorkshop(settings), EXAMINED, live)] if BOT_PYTHON.exists() else ()),
            reviewing,
        )


async def live(session: ReadSession) -> str | None:
    """The model that candidates are judged beside: what answers or, before any was chosen, the newest."""
    return (await serving.state(session)).live or await models.newest(session)


async def apart(settings: Settings) -> None:
    """Work in this process until cancelled, for apps that are told `XIAOER_WORKER=apart`."""
    async with AsyncExitStack() as closing:
        database = Database(settings.database_url)
        closing.push_async_callback(database.close)
        bus = open_bus(settings.redis_url)
        post = await closing.enter_async_context(HttpPost(settings.webhook_private))
        courier = Courier(database, bus, Secrets(settings), post)
        collecting = Collecting(database, gateways_of(settings, closing, {}))
        worker = Worker(settings, database, courier, carriers_of(settings, closing), collecting)
        bus.listen(lambda *_: worker.relay.wake())
        await closing.enter_async_context(worker.engine)
        await closing.enter_async_context(background(*(work.run() for work in (bus, *worker.works))))
        log.info("worker_ready", executor=worker.engine.id)
        await asyncio.Event().wait()


def carriers_of(settings: Settings, closing: AsyncExitStack) -> dict[str, Carrier]:
    """The carriers that can be asked, by code, until `closing` closes."""
    found: dict[str, Carrier] = {}
    for account in settings.carriers:
        carrier = HttpCarrier(account)
        closing.push_async_callback(carrier.close)
        found[account.code] = carrier
    return found


def gateways_of(settings: Settings, closing: AsyncExitStack, simulators: Simulators) -> dict[str, Gateway]:
    """The ways to pay that are offered, by code, until `closing` closes."""
    found = gateways(settings, simulators)
    for each in found.values():
        closing.push_async_callback(each.hang_up)
    return found
