"""What shoppers send us through WeChat, as one dataclass for each kind.

Message
├── Text · Image · Voice · Video · Location · Link · MiniProgramPage
├── Event       what they did: subscribe, unsubscribe, SCAN, CLICK, VIEW, LOCATION, user_enter_tempsession …
└── Unknown     a kind that came after this was written
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integrations.channels.wechat.errors import BadXml
from integrations.channels.wechat.xml import Fields, parse

LONGEST_KEY = 80


@dataclass(frozen=True)
class Message:
    """`account` got it from `openid`; `key` tells it from their others, and is the same in a repeat."""

    account: str
    openid: str
    at: datetime
    key: str


@dataclass(frozen=True)
class Text(Message):
    """`menu_id` is set when the text is an item of a message menu of ours that they tapped."""

    text: str
    menu_id: str = ""


@dataclass(frozen=True)
class Image(Message):
    url: str
    media_id: str


@dataclass(frozen=True)
class Voice(Message):
    """`recognition` is what WeChat heard, empty when it heard nothing or was not asked to."""

    media_id: str
    format: str
    recognition: str


@dataclass(frozen=True)
class Video(Message):
    media_id: str
    short: bool


@dataclass(frozen=True)
class Location(Message):
    """Degrees in GCJ-02."""

    latitude: float
    longitude: float
    label: str


@dataclass(frozen=True)
class Link(Message):
    title: str
    description: str
    url: str


@dataclass(frozen=True)
class MiniProgramPage(Message):
    title: str
    path: str


@dataclass(frozen=True)
class Event(Message):
    """`event_key` is the pressed menu key, the scanned scene or, on entering a mini-program, where from."""

    event: str
    event_key: str
    fields: Fields

    @property
    def scene(self) -> str:
        """The scene of the QR code that was scanned, now or in order to subscribe; empty without one."""
        return self.event_key.removeprefix("qrscene_") if self.event in ("subscribe", "SCAN") else ""


@dataclass(frozen=True)
class Unknown(Message):
    kind: str


def read_fields(body: str | bytes) -> Fields:
    """The fields of a body in XML or, as mini-programs may send it, JSON. Raises `BadXml`."""
    start = body.lstrip()[:1]
    return read_json(body) if start in ("{", b"{") else parse(body)


def read_json(body: str | bytes) -> Fields:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadXml("not JSON as agreed") from error
    return {name: plain(value) for name, value in said.items()}


def plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read(fields: Fields) -> Message:
    """The message in these fields. Raises `BadXml` when it does not say from whom, when and of what kind."""
    try:
        kind, openid = fields["MsgType"], fields["FromUserName"]
        at = datetime.fromtimestamp(int(fields["CreateTime"]), UTC)
        if not openid:
            raise ValueError("nobody sent it")
        said = (fields["ToUserName"], openid, at, key_of(fields))
        return message_of(kind, said, fields)
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise BadXml(f"not a message as agreed: {error}") from error


def message_of(kind: str, said: tuple[str, str, datetime, str], fields: Fields) -> Message:
    def field(name: str) -> str:
        return fields.get(name, "")

    match kind:
        case "text":
            return Text(*said, text=fields["Content"], menu_id=field("bizmsgmenuid"))
        case "image":
            return Image(*said, url=field("PicUrl"), media_id=fields["MediaId"])
        case "voice":
            return Voice(
                *said, media_id=fields["MediaId"], format=field("Format"), recognition=field("Recognition")
            )
        case "video" | "shortvideo":
            return Video(*said, media_id=fields["MediaId"], short=kind == "shortvideo")
        case "location":
            return Location(
                *said,
                latitude=degrees(fields["Location_X"]),
                longitude=degrees(fields["Location_Y"]),
                label=field("Label"),
            )
        case "link":
            return Link(*said, title=field("Title"), description=field("Description"), url=fields["Url"])
        case "miniprogrampage":
            return MiniProgramPage(*said, title=field("Title"), path=field("PagePath"))
        case "event":
            event_key = field("EventKey") or field("SessionFrom")
            return Event(*said, event=fields["Event"], event_key=event_key, fields=fields)
    return Unknown(*said, kind=kind)


def degrees(value: str) -> float:
    number = float(value)
    if not -180 <= number <= 180:
        raise ValueError(f"{value} is not degrees")
    return number


def key_of(fields: Fields) -> str:
    """A message has a number; an event is told by its time, name and key."""
    number = fields.get("MsgId") or fields.get("MsgID")
    if number and fields["MsgType"] != "event":
        return shortened(number)
    parts = (fields["CreateTime"], fields.get("Event") or fields["MsgType"], fields.get("EventKey", ""))
    return shortened(":".join(parts))


def shortened(key: str) -> str:
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode("utf8", "replace")).hexdigest()
