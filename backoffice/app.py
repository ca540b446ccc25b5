"""The app: every room's API, the chat channels and the consoles in one process.

`uvicorn backoffice.app:app`, or `create_app(settings)` for one of your own.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import ModuleType

import httpx
from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import text
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from backoffice.catalog import endpoints as catalog
from backoffice.consoles import attachments as console_attachments
from backoffice.consoles import session as console_session
from backoffice.consoles.live import Live
from backoffice.conversations import endpoints as conversations
from backoffice.conversations.attachments import Attachments
from backoffice.conversations.delivery.dispatcher import Dispatcher
from backoffice.conversations.desk.assignment import Desk
from backoffice.conversations.desk.domain import Hours
from backoffice.conversations.reception import Reception
from backoffice.conversations.senders import Senders
from backoffice.conversations.tokens import Tokens
from backoffice.conversations.turns.runner import TurnRunner
from backoffice.events.bus import open_bus
from backoffice.events.courier import Courier
from backoffice.events.webhooks import Secrets
from backoffice.fulfillment import endpoints as fulfillment
from backoffice.fulfillment.batches.service import Batches
from backoffice.fulfillment.sending import Sending
from backoffice.gateway import health, names, webhooks
from backoffice.gateway.health import Health
from backoffice.gateway.origins import Origins
from backoffice.inventory import endpoints as inventory
from backoffice.inventory import feed
from backoffice.kit import executors, pictures, sheet_endpoints, sheets
from backoffice.kit.bodies import LargerBodies
from backoffice.kit.database import Database
from backoffice.kit.errors import answer_problems
from backoffice.kit.repeating import background
from backoffice.kit.security import DescribedAPI
from backoffice.kit.time import now
from backoffice.knowledge import endpoints as knowledge
from backoffice.returns import endpoints as returns
from backoffice.returns import photo_endpoints as return_photos
from backoffice.returns.photos import Photos
from backoffice.settings import LARGEST_MESSAGE, Settings, get_settings
from backoffice.sharing import Following
from backoffice.staff import endpoints as staff
from backoffice.trade import endpoints as trade
from backoffice.trade.payments.collecting import Collecting
from backoffice.training.datasets import archives
from backoffice.training.datasets import endpoints as datasets
from backoffice.training.models import endpoints as training_models
from backoffice.training.serving import endpoints as model_server
from backoffice.users import endpoints as users
from backoffice.users.identity import Credentials
from backoffice.worker import DEAD_AFTER, Worker, carriers_of, gateways_of
from integrations.bot import RasaBot
from integrations.carriers import endpoints as carriers_push
from integrations.channels import app as app_channel
from integrations.channels import attachments as attachments_channel
from integrations.channels import posted
from integrations.channels import web as web_channel
from integrations.channels.limits import Limits
from integrations.channels.webhooks import HttpPost
from integrations.channels.wechat import endpoints as wechat_channel
from integrations.channels.wechat.office import WeChat
from integrations.payments import endpoints as payments_notified
from integrations.payments.gateways import SIMULATED_AT, simulators

ROUTERS = (
    trade.router,
    conversations.router,
    health.router,
    names.router,
    users.router,
    staff.router,
    catalog.router,
    inventory.router,
    fulfillment.router,
    knowledge.router,
    returns.router,
    return_photos.router,
    app_channel.router,
    attachments_channel.router,
    web_channel.router,
    wechat_channel.router,
    carriers_push.router,
    payments_notified.router,
    webhooks.router,
    model_server.router,
    training_models.router,
    datasets.router,
)
"""Looked through in this order, at ten microseconds for each path: what is asked most stands first."""
LARGER = (
    (attachments_channel.UPLOADS, pictures.LARGEST),
    (sheet_endpoints.PATHS, sheets.LARGEST),
    (datasets.IMPORT, archives.LARGEST),
    (console_session.UPLOADS, archives.LARGEST),
)
"""Paths that take more than `LARGEST_MESSAGE` bytes, and how many."""
OWN_CHANNELS: tuple[ModuleType, ...] = ()
"""Each a module with a `router` and a `channel`, which is made of the settings: the README shows one."""
WIDGET = Path(__file__).parent.parent / "integrations" / "channels" / "widget"
CHECK_WITHIN = 2.0


def create_app(settings: Settings | None = None, consoles: bool = True) -> FastAPI:
    """An app of these settings; its engines open when it starts and close when it ends.

    A process can hold several apps, only one of them with `consoles`.
    """
    settings = settings or get_settings()
    app = DescribedAPI(title="小二 Xiaoer", lifespan=lifespan)
    app.state.settings = settings
    app.state.credentials = Credentials(settings)
    app.state.limits = Limits.of(settings)
    for paths, limit in LARGER:
        app.add_middleware(LargerBodies, paths=paths, limit=limit)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_MESSAGE)
    app.add_middleware(Origins, allowed=settings.widget_origins, app_url=settings.app_url)
    answer_problems(app)
    for router in (*ROUTERS, *(module.router for module in OWN_CHANNELS)):
        app.include_router(router)
    app.webhooks.include_router(posted.router)
    app.state.simulators = simulators(settings)
    for code, simulator in app.state.simulators.items():
        app.mount(f"{SIMULATED_AT}/{code}", simulator.app)
    serve_widget(app)
    if consoles:
        from backoffice.consoles import pages

        app.include_router(console_session.router)
        app.include_router(console_attachments.router)
        app.add_middleware(console_session.Guard)
        pages.mount(app)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    async with AsyncExitStack() as closing:
        database = app.state.database = Database(settings.database_url)
        closing.push_async_callback(database.close)
        bot = RasaBot(settings.bot_urls, settings.bot_token)
        closing.push_async_callback(bot.close)
        actions = await closing.enter_async_context(
            httpx.AsyncClient(base_url=settings.actions_url, timeout=CHECK_WITHIN, trust_env=False)
        )
        bus = open_bus(settings.redis_url)
        app.state.live = Live(bus)
        post = await closing.enter_async_context(HttpPost(settings.webhook_private))
        courier = app.state.courier = Courier(database, bus, Secrets(settings), post)
        app.state.stock_feed = feed.Feed(bus)
        app.state.carriers = carriers_of(settings, closing)
        ways_to_pay = gateways_of(settings, closing, app.state.simulators)
        collecting = app.state.collecting = Collecting(database, ways_to_pay)
        worker = Worker(settings, database, courier, app.state.carriers, collecting)

        async def database_answers() -> bool:
            async with database.read() as session:
                return bool(await session.scalar(text("SELECT 1")))

        async def actions_answer() -> bool:
            return (await actions.get("/health")).status_code == 200

        async def worker_lives() -> bool:
            async with database.read() as session:
                return await executors.alive(session, now() - DEAD_AFTER)

        app.state.health = Health(
            {
                "bot": bot.ready,
                "actions": actions_answer,
                "database": database_answers,
                "worker": worker_lives,
            }
        )
        tokens = Tokens(settings)
        trials = Following(database)
        turns = TurnRunner(database, bot, bus, tokens, settings, trials)
        attachments = app.state.attachments = Attachments(database, settings.state / "attachments")
        photos = app.state.return_photos = Photos(database, settings.state / "return_photos")
        wechat = app.state.wechat = WeChat(settings, attachments)
        closing.push_async_callback(wechat.close)
        channels = [*wechat.channels, *(module.channel(settings) for module in OWN_CHANNELS)]
        dispatcher = Dispatcher(database, bus, channels)
        app.state.metered = frozenset(each.name for each in channels if each.metered)
        app.state.reception = Reception(
            database, tokens, turns, bus, dispatcher, Hours.parse(settings.service_hours)
        )
        wechat.listen(app.state.reception, Senders(database, tokens, dispatcher), bus)
        desk = Desk(database, bus, settings)
        app.state.batches = Batches(database)
        app.state.sending = Sending(database, app.state.carriers)
        works = [bus, trials, turns, app.state.reception, dispatcher, desk, attachments, photos]
        if settings.worker == "embedded":
            await closing.enter_async_context(worker.engine)
            works += worker.works
        await closing.enter_async_context(background(*(work.run() for work in works)))
        yield


def serve_widget(app: FastAPI) -> None:
    """The demo storefront at `/` and the chat as one script."""
    app.mount("/static", StaticFiles(directory=WIDGET, check_dir=False), name="static")

    @app.get("/", include_in_schema=False)
    async def storefront() -> FileResponse:
        return FileResponse(WIDGET / "storefront.html")

    @app.get("/chat/xiaoer-chat.js", include_in_schema=False)
    async def chat() -> FileResponse:
        return FileResponse(WIDGET / "xiaoer-chat.js", media_type="text/javascript")


def __getattr__(name: str) -> FastAPI:
    if name == "app":
        return create_app()
    raise AttributeError(name)
