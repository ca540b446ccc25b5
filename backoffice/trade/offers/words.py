"""What a promotion or a coupon promises, and to whom, in the words that shoppers read."""

from typing import Any

from backoffice.kit.messages import message
from backoffice.kit.money import yuan
from backoffice.trade.offers.domain import Rule, Terms
from backoffice.users import service as users


def in_words(terms: Terms) -> str:
    """E.g. 满300减40; 第2件5折，限首单."""
    limits = [say("first_order")] if terms.first_order else []
    if terms.levels:
        limits.append(say("levels", levels=say("or").join(map(users.level_label, terms.levels))))
    return say("and").join([rule_in_words(terms.rule), *limits])


def rule_in_words(rule: Rule) -> str:
    if rule.kind == "threshold":
        key = "each" if rule.repeatable else "threshold"
        return say("and").join(
            say(key, start=money(step.from_fen), off=money(step.off_fen))
            if step.from_fen
            else say("plain", off=money(step.off_fen))
            for step in sorted(rule.steps, key=lambda step: step.from_fen)
        )
    if rule.kind == "fixed_price":
        return say("fixed_price", pieces=rule.pieces, price=money(rule.price_fen))
    if rule.kind == "nth_piece":
        if not rule.pays_percent:
            return say("nth_free", pieces=rule.pieces)
        return say("nth_piece", pieces=rule.pieces, **share(rule.pays_percent))
    need = say("from_fen", start=money(rule.from_fen)) if rule.from_fen else ""
    need += say("from_pieces", pieces=rule.from_pieces) if rule.from_pieces else ""
    if rule.kind == "gift":
        return need + say("gift", pieces=rule.pieces)
    off = need + say("percent", **share(rule.pays_percent))
    return say("and").join([off, say("most", most=money(rule.most_fen))] if rule.most_fen else [off])


def say(key: str, **fields: Any) -> str:
    return message("trade", f"offers.{key}", **fields)


def money(fen: int) -> str:
    return yuan(fen).removeprefix("¥")


def share(pays_percent: int) -> dict[str, str]:
    """What is paid as Chinese says it, 80 is 8 折, 85 is 85 折, 5 is 0.5 折, and what is taken off."""
    tens, rest = divmod(pays_percent, 10)
    fold = pays_percent if tens and rest else tens if tens else f"0.{rest}"
    return {"fold": str(fold), "less": str(100 - pays_percent)}
