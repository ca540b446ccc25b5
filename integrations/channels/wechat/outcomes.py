"""What Tencent's API says, and what that means for a message of ours."""

from enum import StrEnum


class Outcome(StrEnum):
    """How a call ended. After `unknown` nobody knows whether it was done: it was cut off."""

    OK = "ok"
    TRY_LATER = "try_later"
    WINDOW_CLOSED = "window_closed"
    QUOTA_USED = "quota_used"
    TOKEN = "token"
    FORBIDDEN = "forbidden"
    OTHER = "refused"
    UNKNOWN = "unknown"


OUTCOMES = {
    0: Outcome.OK,
    -1: Outcome.TRY_LATER,  # busy
    45009: Outcome.TRY_LATER,  # calls of the day used up
    45011: Outcome.TRY_LATER,  # calls of the minute used up
    40001: Outcome.TOKEN,
    40014: Outcome.TOKEN,
    42001: Outcome.TOKEN,  # expired
    45015: Outcome.WINDOW_CLOSED,  # 48 hours are over, or they unsubscribed
    43004: Outcome.WINDOW_CLOSED,  # never subscribed
    45047: Outcome.QUOTA_USED,
    40013: Outcome.FORBIDDEN,  # no such app id
    40125: Outcome.FORBIDDEN,  # wrong secret
    40164: Outcome.FORBIDDEN,  # our address is not on the allow-list
    48001: Outcome.FORBIDDEN,  # the account may not use this
    48002: Outcome.FORBIDDEN,  # the shopper takes no messages
    48004: Outcome.FORBIDDEN,  # banned
    50002: Outcome.FORBIDDEN,  # account limited
    61004: Outcome.FORBIDDEN,
}


def outcome_of(errcode: int) -> Outcome:
    return OUTCOMES.get(errcode, Outcome.OTHER)
