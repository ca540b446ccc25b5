"""Errands for the shopper, each behind a form that says what will happen."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

from pydantic import ValidationError

from backoffice.consoles.customer import shopper
from backoffice.consoles.dialogs import Read, ask, choice, text
from backoffice.consoles.visit import Visit
from backoffice.conversations.desk import errands
from backoffice.conversations.desk.errands import Confirmed
from backoffice.conversations.desk.thread import Thread
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Invalid
from backoffice.kit.messages import catalogue
from backoffice.kit.money import yuan
from backoffice.returns import service as returns
from backoffice.returns.schemas import AskReturn
from backoffice.trade.schemas import NewAddress

Form = Callable[[Visit, Thread, str], Awaitable[bool]]
PARTS = ("receiver", "phone", "province", "city", "district", "street")
MOST_FEN = 10_000_000


async def run(
    visit: Visit,
    found: Thread,
    reason: str,
    deed: Callable[[WriteSession, Confirmed], Awaitable[object]],
) -> bool:
    """Once, by who sits there now, for the conversation as it was when the form was opened."""
    confirmed = Confirmed(await visit.member(), found.id, found.epoch, uuid4().hex, reason[:200])
    async with visit.database.write() as session:
        await deed(session, confirmed)
    return True


def title(visit: Visit, name: str, number: str) -> str:
    return f"{visit.words(f'errand.{name}.title')} · …{number[-6:]}"


async def cancel_order(visit: Visit, found: Thread, number: str) -> bool:
    words = visit.words

    def build() -> Read:
        reasons = [words(f"errand.cancel_order.{each}") for each in ("unwanted", "mistake", "slow", "other")]
        why = choice(words("why"), {each: each for each in reasons}, reasons[0])
        return lambda: str(why.value)

    hint, verb = words("errand.cancel_order.hint"), words("errand.cancel_order.verb")
    why = await ask(words, title(visit, "cancel_order", number), build, verb, hint, danger=True)
    if why is None:
        return False
    return await run(visit, found, why, lambda session, by: errands.cancel_order(session, by, number))


async def change_address(visit: Visit, found: Thread, number: str) -> bool:
    words = visit.words

    def build() -> Read:
        made = {part: text(words(f"address.{part}")) for part in PARTS}
        return lambda: {part: str(field.value or "").strip() for part, field in made.items()}  # type: ignore[attr-defined]

    hint, verb = words("errand.change_address.hint"), words("errand.change_address.verb")
    said = await ask(words, title(visit, "change_address", number), build, verb, hint)
    if said is None or not any(said.values()):
        return False
    try:
        wanted = NewAddress.model_validate({part: value for part, value in said.items() if value})
    except ValidationError as error:
        raise Invalid("address_unclear") from error
    return await run(
        visit, found, "", lambda session, by: errands.change_address(session, by, number, wanted)
    )


async def open_return(visit: Visit, found: Thread, number: str) -> bool:
    words = visit.words
    async with visit.database.read() as session:
        can = await returns.returnable(session, shopper(found), number, "return")
        swap = await returns.returnable(session, shopper(found), number, "exchange")
    if not can.eligible:
        raise Invalid(f"return_{can.reason}")
    lines = {line.line_id: line for line in can.lines if line.quantity}
    said = catalogue("returns", words.language)

    def build() -> Read:
        names = {id: f"{line.name} {line.variant} · {yuan(line.amount_fen)}" for id, line in lines.items()}
        which = choice(words("errand.open_return.line"), names, next(iter(names)))
        kinds = {kind: said["kinds"][kind] for kind in ("return", "exchange")}
        kind = choice(words("errand.open_return.kind"), kinds, "return")
        others = {each.sku_id: f"{line.name} {each.variant}" for line in swap.lines for each in line.choices}
        wanted = choice(
            words("errand.open_return.wanted"), {0: words("errand.open_return.same"), **others}, 0
        ).bind_visibility_from(kind, "value", value="exchange")
        reasons = {each: said["reasons"][each] for line in lines.values() for each in line.reasons}
        reason = choice(words("why"), reasons, next(iter(reasons)))
        count = text(words("errand.open_return.count"), "1", type="number", min=1)
        detail = text(words("errand.open_return.detail"), long=True, maxlength=400)
        return lambda: {
            "kind": kind.value,
            "line_id": which.value,
            "wanted_sku_id": wanted.value or None if kind.value == "exchange" else None,
            "reason": reason.value,
            "quantity": count.value or 1,  # type: ignore[attr-defined]
            "detail": detail.value or "",  # type: ignore[attr-defined]
        }

    hint, verb = words("errand.open_return.hint"), words("errand.open_return.verb")
    given = await ask(words, title(visit, "open_return", number), build, verb, hint)
    if given is None:
        return False
    try:
        asked = AskReturn.model_validate(given)
    except ValidationError as error:
        raise Invalid("return_unclear") from error
    return await run(
        visit, found, asked.detail, lambda session, by: errands.open_return(session, by, number, asked)
    )


def fen(said: str) -> int:
    """`12.5` yuan in fen. Raises `Invalid` (`bad_amount`)."""
    whole, _, part = said.strip().lstrip("¥￥").partition(".")
    if not whole.isdecimal() or len(part) > 2 or not (part or "0").isdecimal():
        raise Invalid("bad_amount")
    amount = int(whole) * 100 + int(part.ljust(2, "0") or 0)
    if not 0 < amount <= MOST_FEN:
        raise Invalid("bad_amount")
    return amount


async def refund(visit: Visit, found: Thread, number: str) -> bool:
    words = visit.words
    limit = errands.refund_limit(visit.settings, visit.who)

    def build() -> Read:
        amount = text(words("errand.refund.amount"), inputmode="decimal", autofocus="autofocus")
        why = text(words("why"), maxlength=200)
        return lambda: (str(amount.value or ""), str(why.value or "").strip())  # type: ignore[attr-defined]

    hint = words("errand.refund.hint", limit=yuan(limit))
    given = await ask(
        words, title(visit, "refund", number), build, words("errand.refund.verb"), hint, danger=True
    )
    if given is None:
        return False
    amount, why = fen(given[0]), given[1]
    if not why:
        raise Invalid("reason_needed")
    limit = errands.refund_limit(visit.settings, await visit.member())
    return await run(
        visit, found, why, lambda session, by: errands.refund(session, by, number, amount, limit)
    )


FORMS: dict[str, Form] = {
    "cancel_order": cancel_order,
    "change_address": change_address,
    "open_return": open_return,
    "refund": refund,
}
