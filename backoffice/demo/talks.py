"""A month of conversations, so that transcripts and reports show something."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from backoffice.conversations.models import Conversation, Message, OwnershipChange, Rating, Reading
from backoffice.demo.rows import HOUR, MINUTE, Row, data
from backoffice.demo.shop import HOURS, Shop
from backoffice.kit.fencing import FenceRow
from backoffice.kit.time import SHOP_ZONE
from backoffice.users.identity import conversation_fence

CHANNELS = {"web": 40, "app": 35, "wechat": 25}
OPENS, CLOSES = 9, 22
PATIENCE_AT_NIGHT = 0.4
SECOND = timedelta(seconds=1)


def converse(shop: Shop, people: Sequence[Row], count: int) -> None:
    """So many conversations of the last 30 days, each with another shopper; most the bot has alone."""
    staff = [member | {"id": place} for place, member in enumerate(data("people")["staff"], 1)]
    agents = [member for member in staff if member["role"] == "agent"]
    for customer in shop.random.sample(people, min(count, len(people))):
        talk = Talk(shop, customer, agents)
        talk.episode()
        if shop.chance(0.15) and talk.rest():
            talk.episode()
        talk.keep()


class Talk:
    """One conversation as it is had; `at` is how late it is in it."""

    def __init__(self, shop: Shop, customer: Row, agents: Sequence[Row]) -> None:
        self.shop, self.random, self.agents = shop, shop.random, agents
        self.texts = data("talks")
        ago = self.random.randint(1, 30)
        hour = min(self.random.choices(range(24), HOURS)[0], 20 if ago == 1 else 23)
        self.at = shop.day(ago, hour, self.random.randint(0, 59)) + self.random.randint(0, 59) * SECOND
        self.latest = shop.day(1, 21)
        self.id = f"{self.random.getrandbits(128):032x}"
        self.channel = self.random.choices(list(CHANNELS), list(CHANNELS.values()))[0]
        known = self.channel == "app" or (self.channel == "web" and shop.chance(0.5))
        self.customer_id = customer["id"] if known else None
        self.sender = f"customer:{customer['id']}" if known else self.id
        if self.channel == "wechat":
            self.sender = f"wx_demo:o{self.random.getrandbits(104):026x}"
        self.opened_at, self.events, self.epoch = self.at, 0, 1
        self.owner = "bot"
        self.row: Row = {
            "agent_id": None,
            "status": "open",
            "handoff_reason": "",
            "queued_at": None,
            "first_reply_at": None,
            "resolved_at": None,
        }

    def keep(self) -> None:
        self.shop.add(
            Conversation,
            id=self.id,
            channel=self.channel,
            sender=self.sender,
            answer_channel=self.channel,
            answer_sender=self.sender,
            pushed=self.channel == "wechat",
            customer_id=self.customer_id,
            last_event=self.events,
            delivered_event=self.events,
            read_event=self.events,
            agent_read_event=self.events,
            opened_at=self.opened_at,
            updated_at=self.at,
            **self.row,
        )
        self.shop.add(FenceRow, name=conversation_fence(self.id, 0).name, epoch=self.epoch)

    def rest(self) -> bool:
        """Some days later; False when those are still to come."""
        self.at += self.random.randint(2, 9) * 24 * HOUR + self.random.randint(0, 90) * MINUTE
        if later := self.at < self.latest:
            if self.row["status"] == "resolved":
                self.say("shopper", self.random.choice(self.texts["more"]))
                self.change("reopened", self.owner)
                self.row |= {"status": "open", "resolved_at": None}
        else:
            self.at = self.last
        return later

    def episode(self) -> None:
        topics = self.texts["topics"]
        topic = self.random.choices(topics, [topic["weight"] for topic in topics])[0]
        self.exchange(topic["intent"], self.random.choice(topic["says"]), topic["bot"])
        while self.shop.chance(0.35):
            intent = self.random.choice(("nudge", "thanks", topic["intent"]))
            self.exchange(intent, self.random.choice(self.texts["more"]), topic["bot"])
        if self.shop.chance(topic["people"] * (1 if self.people_are_here else PATIENCE_AT_NIGHT)):
            self.with_people(topic["skill"])

    @property
    def people_are_here(self) -> bool:
        return OPENS <= self.at.astimezone(SHOP_ZONE).hour < CLOSES

    def exchange(self, intent: str, says: str, answer: str) -> None:
        turn_id = f"{self.random.getrandbits(128):032x}"
        self.say("shopper", says, after=self.random.randint(10, 90) * SECOND, turn_id=turn_id)
        self.shop.add(
            Reading,
            turn_id=turn_id,
            conversation_id=self.id,
            intent=intent,
            confidence=round(self.random.uniform(0.55, 0.99), 3),
            ranking=[],
            actions=[f"action_{intent}"],
            at=self.at + SECOND / 2,
        )
        self.say("bot", answer, after=SECOND, turn_id=turn_id)

    def with_people(self, skill: str) -> None:
        """Handed over, waited for, answered, perhaps by two, and brought to an end."""
        texts, random = self.texts, self.random
        reason = random.choices(list(texts["reasons"]), list(texts["reasons"].values()))[0]
        if reason == "asked":
            self.say("shopper", random.choice(texts["asks"]), after=20 * SECOND)
        self.change("handed_over", "queue", reason)
        self.row |= {"handoff_reason": reason, "queued_at": self.at}
        self.say("system", texts["queued"], after=SECOND / 5)
        self.at = self.someone_comes()
        skilled = [agent for agent in self.agents if not skill or skill in agent["skills"]]
        agent = random.choice(skilled or self.agents)
        self.change("assigned", "agent", agent_id=agent["id"])
        self.say("agent", random.choice(texts["greets"]), agent, after=random.randint(8, 150) * SECOND)
        self.row["first_reply_at"] = self.at
        self.help(agent)
        if self.shop.chance(0.1):
            self.say("agent", texts["passes"], agent)
            agent = random.choice([each for each in self.agents if each is not agent])
            self.change("transferred", "agent", agent_id=agent["id"])
            self.help(agent)
        self.row["agent_id"] = agent["id"]
        if self.shop.chance(0.1):
            self.change("given_back", "bot", staff_id=agent["id"])
            self.say("system", texts["given_back"], after=SECOND / 5)
        else:
            self.resolve(agent)

    def someone_comes(self) -> datetime:
        """When an agent has time: minutes later, longer in the evening, not before the shop opens."""
        local = self.at.astimezone(SHOP_ZONE)
        if self.people_are_here:
            return self.at + self.random.expovariate(1 / (70 if local.hour < 19 else 190)) * SECOND
        opening = local.replace(hour=OPENS, minute=0, second=0) + (local.hour >= CLOSES) * 24 * HOUR
        return opening.astimezone(self.at.tzinfo) + self.random.randint(1, 40) * MINUTE

    def help(self, agent: Row) -> None:
        for _ in range(self.random.randint(1, 3)):
            after = self.random.randint(20, 200) * SECOND
            self.say("agent", self.random.choice(self.texts["answers"]), agent, after=after)
            self.say("shopper", self.random.choice(self.texts["replies"]), after=after / 2, turn_id="")

    def resolve(self, agent: Row) -> None:
        self.at += self.random.randint(10, 240) * SECOND
        self.change("resolved", "bot", staff_id=agent["id"])
        self.row |= {"status": "resolved", "resolved_at": self.at}
        self.say("system", self.texts["rating"], after=SECOND / 5)
        asked, stars = self.events, None
        asked_at = self.at
        if self.shop.chance(0.55):
            waited = self.row["first_reply_at"] - self.row["queued_at"] > 5 * MINUTE
            stars = self.random.choices(
                (5, 4, 3, 2, 1), (30, 30, 20, 8, 12) if waited else (58, 26, 9, 3, 4)
            )[0]
            command = f'/rate{{"event": {asked}, "stars": {stars}}}'
            self.say("shopper", self.texts["stars"][stars], after=25 * SECOND, command=command, turn_id="")
            self.say("system", self.texts["thanks"], after=SECOND / 5)
        self.shop.new(
            Rating,
            conversation_id=self.id,
            asked_event=asked,
            agent_id=agent["id"],
            stars=stars,
            comment="",
            at=asked_at if stars is None else self.at,
        )

    def say(
        self,
        author: str,
        text: str,
        agent: Row | None = None,
        after: timedelta = 30 * SECOND,
        turn_id: str | None = None,
        command: str | None = None,
    ) -> None:
        self.at += after
        self.last = self.at
        self.events += 1
        shopper = author == "shopper"
        self.shop.add(
            Message,
            conversation_id=self.id,
            event=self.events,
            author=author,
            channel=self.channel,
            sender=self.sender if shopper else "",
            message_id=f"demo-{self.events}" if shopper else None,
            text=text.format(name=agent["display_name"]) if agent else text,
            command=command,
            staff_id=agent["id"] if agent else None,
            turn_id=("" if turn_id is None else turn_id) if shopper else turn_id,
            at=self.at,
        )

    def change(
        self, kind: str, to: str, reason: str = "", agent_id: int | None = None, staff_id: int | None = None
    ) -> None:
        self.at += SECOND / 5
        more: dict[str, Any] = {"agent_id": agent_id, "staff_id": staff_id, "reason": reason}
        self.shop.new(
            OwnershipChange,
            conversation_id=self.id,
            kind=kind,
            from_owner=self.owner,
            to_owner=to,
            note="",
            at=self.at,
            **more,
        )
        self.epoch += self.owner != to
        self.owner = to
