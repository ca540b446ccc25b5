"""How long one shopper waits for an answer that needs a look-up, beside the bare parse of the words."""

import asyncio
import time
from uuid import uuid4

import httpx

from bench.chat import Chat, chat
from bench.limits import Figure, percentile
from tests.live import LiveShop

QUESTIONS = ("我的快递到哪了", "我有多少积分")
TURNS_OF_ONE = 16
WARM_UP = 20
PARSES = 150
ANSWERED_WITHIN_SECONDS = 20
P50_MS = 60
P95_MS = 300


async def measure(shop: LiveShop) -> list[Figure]:
    """p50 and p95 of a turn, in milliseconds from the message sent to the answer received.

    The demo customers come one after the other, each with fewer messages than the shop takes at once.
    """
    waits: list[float] = []
    for customer in await asyncio.to_thread(shop.client.sign_ins):
        conversation = await asyncio.to_thread(shop.client.open, customer=customer["phone"])
        async with chat(shop.url, conversation) as door:
            for number in range(TURNS_OF_ONE):
                async with asyncio.timeout(ANSWERED_WITHIN_SECONDS):
                    waits.append(await turn(door, QUESTIONS[number % len(QUESTIONS)]))
    waits = waits[WARM_UP:]
    parses = await bare_parses(shop)
    return [
        Figure("turn with one look-up, p50", percentile(waits, 0.5), "ms", P50_MS),
        Figure("turn with one look-up, p95", percentile(waits, 0.95), "ms", P95_MS),
        Figure("bare parse by the bot, p50", percentile(parses, 0.5), "ms"),
        Figure("a turn in bare parses", percentile(waits, 0.5) / percentile(parses, 0.5), "x"),
    ]


async def turn(door: Chat, question: str) -> float:
    """Milliseconds until the bot's first words; returns when the turn is over."""
    known = len(door.frames)
    began = time.perf_counter()
    await door.say(str(uuid4()), question)
    await door.until(lambda frames: any(from_bot(frame) for frame in frames[known:]))
    waited = 1000 * (time.perf_counter() - began)
    await door.until(lambda frames: typing(frames) is False)
    return waited


def from_bot(frame: dict[str, object]) -> bool:
    event = frame.get("event")
    return frame["type"] == "event" and isinstance(event, dict) and event["from"] == "bot"


def typing(frames: list[dict[str, object]]) -> object:
    """What the shop last said of the bot's typing."""
    return next((frame["on"] for frame in reversed(frames) if frame["type"] == "typing"), False)


async def bare_parses(shop: LiveShop) -> list[float]:
    """Milliseconds of the bot's HTTP parse of the same words: no dialogue, no action, no database."""
    waits = []
    settings = shop.settings
    async with httpx.AsyncClient(base_url=settings.bot_url, trust_env=False) as bot:
        for number in range(WARM_UP + PARSES):
            text = QUESTIONS[number % len(QUESTIONS)]
            began = time.perf_counter()
            response = await bot.post(
                "/model/parse", params={"token": settings.bot_token}, json={"text": text}
            )
            waits.append(1000 * (time.perf_counter() - began))
            response.raise_for_status()
    return waits[WARM_UP:]
