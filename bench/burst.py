"""Twenty shoppers at once, every message sent three times: each taken once and answered, nothing twice."""

import asyncio
import time
from uuid import uuid4

from bench.chat import Chat, chat
from bench.limits import Figure
from tests.live import LiveShop

SHOPPERS = 20
MESSAGES = 10
REPEATS = 3
WITHIN_SECONDS = 120
SAID = (
    "在吗",
    "你们几点关门",
    "怎么退货",
    "运费多少钱",
    "可以开发票吗",
    "有会员吗",
    "谢谢",
    "尺码怎么选",
    "支持货到付款吗",
    "价保是什么",
)


async def measure(shop: LiveShop) -> list[Figure]:
    """How many messages were lost, doubled, out of order or left without an answer: none may be."""
    began = time.perf_counter()
    async with asyncio.timeout(WITHIN_SECONDS):
        faults = await asyncio.gather(*(shopper(shop) for _ in range(SHOPPERS)))
    took = time.perf_counter() - began
    names = ("not acknowledged alike", "lost or doubled", "out of order", "without an answer")
    figures = [Figure(f"burst: {name}", sum(fault[name] for fault in faults), "", 0) for name in names]
    return [*figures, Figure(f"burst: {SHOPPERS * MESSAGES} messages sent {REPEATS} times", took, "s")]


async def shopper(shop: LiveShop) -> dict[str, int]:
    """One shopper's faults by kind."""
    conversation = await asyncio.to_thread(shop.client.open)
    identities = [str(uuid4()) for _ in range(MESSAGES)]
    async with chat(shop.url, conversation) as door:
        for identity, text in zip(identities, SAID, strict=True):
            for _ in range(REPEATS):
                await door.say(identity, text)
        await door.until(
            lambda frames: sum(frame["type"] in ("ack", "error") for frame in frames) >= MESSAGES * REPEATS
        )
        while (await asyncio.to_thread(shop.client.news, conversation, 1))["typing"]:
            pass
        await door.until(lambda frames: len(door.events) >= conversation.seen)
    return faults(door, identities)


def faults(door: Chat, identities: list[str]) -> dict[str, int]:
    acks: dict[str, set[int]] = {}
    for frame in door.frames:
        if frame["type"] == "ack":
            acks.setdefault(frame["id"], set()).add(frame["event"])
    numbers = [event["id"] for event in door.events]
    spoken = [event["client_id"] for event in door.events if event["from"] == "shopper"]
    return {
        "not acknowledged alike": sum(len(acks.get(identity, ())) != 1 for identity in identities),
        "lost or doubled": sum(spoken.count(identity) != 1 for identity in identities),
        "out of order": (numbers != list(range(1, len(numbers) + 1))) + (spoken != identities),
        "without an answer": int(door.events[-1]["from"] == "shopper"),
    }
