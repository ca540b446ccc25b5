"""What WeChat says, as it stands on the wire, and what we take it for."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.channels.wechat.errors import BadXml
from integrations.channels.wechat.messages import (
    LONGEST_KEY,
    Event,
    Image,
    Link,
    Location,
    MiniProgramPage,
    Text,
    Unknown,
    Video,
    Voice,
    read,
    read_fields,
)
from integrations.channels.wechat.xml import render

BASE: dict[str, str | int] = {"ToUserName": "gh_1", "FromUserName": "o1", "CreateTime": 1714037059}
SAID = {"account": "gh_1", "openid": "o1", "at": datetime.fromtimestamp(1714037059, UTC)}
KINDS: list[tuple[dict[str, str | int], Any]] = [
    ({"MsgType": "text", "Content": " 你好 ", "MsgId": 7}, Text(**SAID, key="7", text=" 你好 ")),
    (
        {"MsgType": "text", "Content": "好", "MsgId": 7, "bizmsgmenuid": "102"},
        Text(**SAID, key="7", text="好", menu_id="102"),
    ),
    (
        {"MsgType": "image", "PicUrl": "http://p", "MediaId": "m", "MsgId": 7},
        Image(**SAID, key="7", url="http://p", media_id="m"),
    ),
    (
        {"MsgType": "voice", "MediaId": "m", "Format": "amr", "Recognition": "退款", "MsgId": 7},
        Voice(**SAID, key="7", media_id="m", format="amr", recognition="退款"),
    ),
    (
        {"MsgType": "voice", "MediaId": "m", "MsgId": 7},
        Voice(**SAID, key="7", media_id="m", format="", recognition=""),
    ),
    ({"MsgType": "video", "MediaId": "m", "MsgId": 7}, Video(**SAID, key="7", media_id="m", short=False)),
    ({"MsgType": "shortvideo", "MediaId": "m", "MsgId": 7}, Video(**SAID, key="7", media_id="m", short=True)),
    (
        {
            "MsgType": "location",
            "Location_X": "30.2",
            "Location_Y": "120.1",
            "Scale": 15,
            "Label": "西湖",
            "MsgId": 7,
        },
        Location(**SAID, key="7", latitude=30.2, longitude=120.1, label="西湖"),
    ),
    (
        {"MsgType": "link", "Title": "t", "Description": "d", "Url": "http://u", "MsgId": 7},
        Link(**SAID, key="7", title="t", description="d", url="http://u"),
    ),
    (
        {"MsgType": "miniprogrampage", "Title": "t", "AppId": "wx", "PagePath": "p/q", "MsgId": 7},
        MiniProgramPage(**SAID, key="7", title="t", path="p/q"),
    ),
    ({"MsgType": "hologram", "MsgId": 7}, Unknown(**SAID, key="7", kind="hologram")),
]
EVENTS = [
    ({"Event": "subscribe"}, "", "", "subscribe:"),
    ({"Event": "subscribe", "EventKey": "qrscene_b-1"}, "qrscene_b-1", "b-1", "subscribe:qrscene_b-1"),
    ({"Event": "unsubscribe"}, "", "", "unsubscribe:"),
    ({"Event": "SCAN", "EventKey": "b-1", "Ticket": "t"}, "b-1", "b-1", "SCAN:b-1"),
    ({"Event": "CLICK", "EventKey": "orders"}, "orders", "", "CLICK:orders"),
    ({"Event": "VIEW", "EventKey": "http://u"}, "http://u", "", "VIEW:http://u"),
    ({"Event": "LOCATION", "Latitude": "1"}, "", "", "LOCATION:"),
    ({"Event": "user_enter_tempsession", "SessionFrom": "order"}, "order", "", "user_enter_tempsession:"),
]


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize(("fields", "expected"), KINDS)
def test_every_kind_in_both_forms(fields: dict[str, str | int], expected: object, form: str) -> None:
    whole = BASE | fields
    body = render(whole) if form == "xml" else json.dumps(whole)
    assert read(read_fields(body.encode())) == expected


@pytest.mark.parametrize(("fields", "event_key", "scene", "key"), EVENTS)
def test_events(fields: dict[str, str], event_key: str, scene: str, key: str) -> None:
    event = read(read_fields(render(BASE | {"MsgType": "event"} | fields)))
    assert isinstance(event, Event)
    assert (event.event, event.event_key, event.scene) == (fields["Event"], event_key, scene)
    assert event.key == f"1714037059:{key}"


def test_events_of_one_second_differ_by_name_and_key() -> None:
    keys = {
        read(read_fields(render(BASE | {"MsgType": "event", "Event": name, "EventKey": key}))).key
        for name in ("CLICK", "VIEW")
        for key in ("a", "b")
    }
    assert len(keys) == 4


def test_a_key_is_never_too_long_to_keep() -> None:
    long = BASE | {"MsgType": "event", "Event": "VIEW", "EventKey": "http://" + "x" * 500}
    key = read(read_fields(render(long))).key
    assert len(key) <= LONGEST_KEY
    assert key != read(read_fields(render(long | {"EventKey": "http://" + "x" * 501}))).key


@pytest.mark.parametrize(
    "without",
    [
        {"FromUserName": ""},
        {"CreateTime": "soon"},
        {"CreateTime": "9" * 30},
        {"CreateTime": "9" * 5000},
        {"MsgType": "location", "Location_X": "north", "Location_Y": "1"},
        {"MsgType": "location", "Location_X": "nan", "Location_Y": "1"},
        {"MsgType": "event"},
        {"MsgType": "image"},
    ],
)
def test_what_is_no_message_is_refused(without: dict[str, str]) -> None:
    fields = {
        "ToUserName": "gh",
        "FromUserName": "o",
        "CreateTime": "1",
        "MsgType": "text",
        "Content": "x",
        "MsgId": "1",
    }
    read(fields)
    with pytest.raises(BadXml):
        read(fields | without)
    for name in ("ToUserName", "FromUserName", "CreateTime", "MsgType", "Content"):
        with pytest.raises(BadXml):
            read({key: value for key, value in fields.items() if key != name})


@given(st.text(max_size=80) | st.binary(max_size=80))
def test_no_body_is_more_than_refused(body: str | bytes) -> None:
    for form in (body, "{" + body if isinstance(body, str) else b"{" + body):
        try:
            read(read_fields(form))
        except BadXml:
            continue


@given(
    st.recursive(
        st.none() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5
    )
)
def test_no_value_is_more_than_refused(value: object) -> None:
    for name in ("CreateTime", "MsgType", "MsgId", "Content"):
        fields = {**BASE, "MsgType": "text", "Content": "x", "MsgId": 1, name: value}
        try:
            read(read_fields(json.dumps(fields)))
        except BadXml:
            continue
