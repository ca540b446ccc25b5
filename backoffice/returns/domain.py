"""The rules of returns: until when, for which reasons, what comes back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from backoffice.kit.time import SHOP_ZONE, end_of_shop_day
from backoffice.returns.rules import REASONS, Kind, Reason, Rules

Refusal = Literal["not_received", "expired", "not_returnable", "already", "cancelled"]
Postage = Literal["none", "shop", "level", "deducted", "carried"]
"""Who pays the courier: no courier comes, the shop, the shop by the shopper's level, the shopper out of the
refund, the shopper to the courier."""
SHOPPER_PAYS = ("deducted", "carried")

OPEN = ("approved", "picked_up", "dropped", "received")
ON_THE_WAY = ("approved", "picked_up", "dropped")
ENDS: dict[str, str] = {"return": "refunded", "exchange": "exchanged", "claim": "refunded"}


def way(kind: str, goods_back: bool = True, to_store: bool = False) -> tuple[str, ...]:
    """The states of a case from the first to a good end."""
    if not goods_back:
        return ("approved", ENDS[kind])
    return ("approved", "dropped" if to_store else "picked_up", "received", ENDS[kind])


@dataclass(frozen=True)
class LineFacts:
    """What the rules look at: `left` pieces are not returned yet, `returnable` without a fault."""

    order_state: str
    delivered_at: datetime | None
    left: int
    returnable: bool
    category: str = ""


def until(line: LineFacts, reason: Reason, rules: Rules) -> datetime | None:
    """The last moment to ask for a return for this reason; None when there is none."""
    days = rules.days(line.category, reason)
    if line.delivered_at is None or not sent_back_for(line, reason, rules):
        return None
    return end_of_shop_day(line.delivered_at, days)


def sent_back_for(line: LineFacts, reason: Reason, rules: Rules) -> bool:
    """Whether a thing like this goes back for this reason at all."""
    return rules.reasons[reason].fault or (line.returnable and rules.days(line.category, reason) > 0)


def last_moment(line: LineFacts, fault: bool, rules: Rules) -> datetime | None:
    """The last moment of all reasons with a fault, or of all without."""
    of_kind = [reason for reason in REASONS if rules.reasons[reason].fault == fault]
    return max((moment for each in of_kind if (moment := until(line, each, rules))), default=None)


def refusal(line: LineFacts, reason: Reason, now: datetime, rules: Rules) -> Refusal | None:
    """Why a line cannot go back for this reason; None when it can."""
    if line.order_state == "cancelled":
        return "cancelled"
    if line.delivered_at is None or line.order_state not in ("delivered", "completed"):
        return "not_received"
    if line.left < 1:
        return "already"
    latest = until(line, reason, rules)
    if latest is None:
        return "not_returnable"
    return "expired" if now > latest else None


def reasons(line: LineFacts, now: datetime, rules: Rules) -> list[Reason]:
    """The reasons for which a line can go back now."""
    return [reason for reason in REASONS if refusal(line, reason, now, rules) is None]


def pickup_after(moment: datetime, rules: Rules) -> datetime:
    """When the courier comes: on the shop's next day."""
    tomorrow = moment.astimezone(SHOP_ZONE) + timedelta(days=1)
    return tomorrow.replace(hour=rules.pickup_hour, minute=0, second=0, microsecond=0)


def progress(
    way: tuple[str, ...], state: str, reached: dict[str, datetime]
) -> list[tuple[str, datetime | None, bool]]:
    """The way of a case as (state, when, done); one that ended early ends its way there."""
    if state not in way:
        way = (*(step for step in way if step in reached), state)
    done = way[: way.index(state) + 1]
    return [(step, reached.get(step), step in done) for step in way]


def told_as(state: str, goods_back: bool, to_store: bool, handed_over: bool, sent: bool) -> str:
    """The name of the sentence that says what comes next."""
    if state == "withdrawn" and handed_over:
        return "withdrawn_back"
    if state == "exchanged" and sent:
        return "exchanged_sent"
    if not goods_back and state in ("approved", "rejected"):
        return f"{state}_kept"
    return f"{state}_store" if to_store and state == "approved" else state


def postage(kind: Kind, reason: Reason, fetched: bool, free: bool, rules: Rules) -> Postage:
    """Who pays for goods to be `fetched`; `free`: the shopper's level does not."""
    if not fetched:
        return "none"
    if rules.reasons[reason].postage == "shop":
        return "shop"
    if free:
        return "level"
    return "carried" if kind == "exchange" else rules.shopper_pays


def refund_fen(kind: str, worth_fen: int, postage: str, postage_fen: int, shipping_fen: int) -> int:
    """What is paid back for pieces of this worth."""
    if kind == "exchange":
        return 0
    return max(worth_fen - (postage_fen if postage == "deducted" else 0), 0) + shipping_fen


def worth_more(paid_fen: int, quantity: int, gone: int, gone_fen: int) -> int:
    """What the next pieces of a line are worth when with them `gone` of `quantity` are in cases and those
    before are worth `gone_fen`: never more than was paid, and all together exactly that.
    """
    return max(paid_fen * gone // quantity - gone_fen, 0)
