"""What the chat's routes are sent and answer, for the page at /docs. A test holds them to the schemas."""

from typing import Any

from backoffice.kit.errors import PROBLEM

Json = dict[str, Any]
TOKEN = "IjRmMWMuLi4i.aSGgAA.0cXo1vE-mHQ"
CONVERSATION = "4f1c7a2e9b0d4c38a6b1e0f2d3c4b5a6"
OPEN: Json = {"channel": "app"}
OPENED: Json = {"conversation": CONVERSATION, "token": TOKEN}
SAID: Json = {"id": "9d2f6c1a", "text": "我前天买的那个怎么还没到啊"}
PRESSED: Json = {"id": "9d2f6c1b", "payload": "WyI0ZjFjIiwi6L2s5Lq65belIl0.aSGgAA.x1", "label": "转人工"}
RECEIPT: Json = {"event": 1}
SEEN: Json = {"read": 2}
TYPING: Json = {"on": True}
PICTURE: Json = {
    "id": "0b7d5c3f1e2a4968b7c6d5e4f3a2b1c0",
    "media_type": "image/jpeg",
    "size": 184_233,
    "width": 1280,
    "height": 960,
    "name": "IMG_2041.jpg",
}
SHOPPERS_LINE: Json = {
    "id": 1,
    "at": "2026-11-22T10:00:00Z",
    "from": "shopper",
    "text": "我前天买的那个怎么还没到啊",
    "buttons": [],
    "card": None,
    "attachment": None,
    "client_id": "9d2f6c1a",
    "staff_id": None,
}
AGENTS_LINE = SHOPPERS_LINE | {
    "id": 2,
    "at": "2026-11-22T10:00:41Z",
    "from": "agent",
    "text": "您好，我帮您看一下。",
    "client_id": None,
    "staff_id": 3,
}
STATE = {
    "owner": "agent",
    "typing": False,
    "status": "open",
    "agent_id": 3,
    "queue": None,
    "people": {"3": {"name": "小林", "avatar": "🌿", "colour": "#2f7d5b"}},
    "delivered": 2,
    "read": 1,
    "moved_to": None,
}
LOOK = STATE | {"events": [SHOPPERS_LINE, AGENTS_LINE], "last": 2}
ABOUT: Json = {"conversation": CONVERSATION, "customer_id": 7}
MESSAGE_POSTED: Json = {
    "id": "4711-1",
    "topic": "message.created",
    "at": "2026-11-22T10:00:41.120000+00:00",
    "data": ABOUT | {"message": AGENTS_LINE},
}
CHANGE_POSTED: Json = MESSAGE_POSTED | {
    "id": "4702-1",
    "topic": "conversation.handed_over",
    "data": ABOUT | {"reason": "asked", "owner": "queue"},
}
STOCK_POSTED: Json = MESSAGE_POSTED | {
    "id": "4720-1",
    "topic": "stock.changed",
    "data": {
        "sku_id": 11,
        "location_id": 2,
        "available": {"web": 90, "app": 90, "mini_program": 90, "pos": 90, "marketplace": 29},
        "online": {"web": 95, "app": 95, "mini_program": 95, "pos": 95, "marketplace": 34},
    },
}
COVER_POSTED: Json = MESSAGE_POSTED | {
    "id": "4731-1",
    "topic": "stock.low",
    "data": {"location_id": 3, "sku_id": 11, "free": 3, "sold": 28, "days": 3.0, "low": True},
}
STREAM = """: open
retry: 1000

event: state
data: {"owner": "bot", "typing": true, "status": "open", "agent_id": null, "queue": null, "people": {}, \
"delivered": 0, "read": 0, "moved_to": null}

event: message
data: {"id": 1, "at": "2026-11-22T10:00:00Z", "from": "shopper", "text": "在吗", "buttons": [], \
"card": null, "attachment": null, "client_id": "9d2f6c1a", "staff_id": null}
id: 1

: ping

"""
CODES = {
    401: ("no token, or not a good one", "visitor_token_required"),
    403: ("the token of another conversation", "another_conversation"),
    404: ("there is no such conversation", "conversation_not_found"),
    409: ("it is somebody else's, or not in this state", "not_same_customer"),
    413: ("larger than is taken", "too_large"),
    422: ("what was sent cannot be meant", "invalid_request"),
    429: ("too often; `Retry-After` says in how many seconds again", "too_many_requests"),
}

Answers = dict[int | str, Json]


def problems(*statuses: int) -> Answers:
    """How the errors of a route are described; every route can answer 422."""
    return {status: problem(status) for status in (*statuses, 422)}


def problem(status: int) -> Json:
    description, code = CODES[status]
    example = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "code": code}
    described: Json = {
        "description": description,
        "content": {"application/problem+json": {"schema": PROBLEM, "example": example}},
    }
    if status == 429:
        described["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return described


def answers(status: int, example: object, *statuses: int) -> Answers:
    """How a route's answer and its errors are described."""
    return {status: {"content": {"application/json": {"example": example}}}} | problems(*statuses)


def stream(*statuses: int) -> Answers:
    return {200: {"content": {"text/event-stream": {"example": STREAM}}}} | problems(*statuses)


def picture(*statuses: int) -> Answers:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"content": {"image/*": binary}}} | problems(*statuses)
