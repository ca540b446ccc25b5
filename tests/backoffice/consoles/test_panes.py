from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backoffice.consoles.customer import Dossier, risk
from backoffice.consoles.errands import fen
from backoffice.consoles.inbox import Named, row, urgency, waiting
from backoffice.consoles.lines import thread_rows
from backoffice.consoles.suggest import likely, questions
from backoffice.consoles.talk import KEYS, allowance_line, blocked, possible
from backoffice.consoles.verbs import VERBS
from backoffice.consoles.words import Words
from backoffice.conversations.desk.thread import (
    Allowance,
    Carried,
    Thread,
    ThreadChange,
    ThreadLine,
    ThreadNote,
    Understood,
)
from backoffice.conversations.schemas import Summary
from backoffice.kit.errors import Invalid
from backoffice.staff.schemas import CannedReplyView, StaffView
from backoffice.users.schemas import CustomerView

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ME, COLLEAGUE = 1, 2
ZH, EN = Words("zh-CN"), Words("en")
PEOPLE = {
    id: StaffView(
        id=id, login=f"a{id}", name=name, role="agent", display_name=name, avatar="", colour="#000000"
    )
    for id, name in ((ME, "小宁"), (COLLEAGUE, "小陈"))
}


def thread(**fields: Any) -> Thread:
    given: dict[str, Any] = {
        "id": "c1",
        "channel": "wechat",
        "answer_channel": "wechat",
        "customer_id": 7,
        "owner": "agent",
        "agent_id": ME,
        "status": "open",
        "snoozed_until": None,
        "merged_into": None,
        "priority": 0,
        "skill": "",
        "reason": "asked",
        "queued_at": None,
        "waiting_since": None,
        "last_event": 2,
        "epoch": 3,
        "bot_at_work": False,
        "tags": [],
        "lines": [],
        "more": False,
        "notes": [],
        "changes": [],
        "allowance": None,
    }
    return Thread.model_validate(given | fields)


def summary(**fields: Any) -> Summary:
    given: dict[str, Any] = {
        "id": "c1",
        "channel": "web",
        "owner": "queue",
        "reason": "asked",
        "customer_id": None,
        "last_line": "在吗",
        "queued_at": NOON - timedelta(minutes=2),
        "updated_at": NOON,
    }
    return Summary.model_validate(given | fields)


def line(event: int, author: str, text: str = "你好", **fields: Any) -> ThreadLine:
    at = NOON - timedelta(minutes=30 - event)
    return ThreadLine(event=event, at=at, author=author, channel="web", text=text, **fields)


@pytest.mark.parametrize(("seconds", "colour"), [(0, "good"), (107, "good"), (108, "near"), (180, "over")])
def test_the_colour_of_a_wait_follows_the_limit(seconds: int, colour: str) -> None:
    assert urgency(timedelta(seconds=seconds), 180) == colour


def test_only_who_waits_for_a_person_shows_a_wait() -> None:
    assert "wait near" in waiting(ZH, summary(), NOON, 180)
    assert waiting(ZH, summary(owner="bot"), NOON, 180) == ""
    assert waiting(ZH, summary(owner="agent", waiting_since=None), NOON, 180) == ""
    assert "wait over" in waiting(
        ZH, summary(owner="agent", waiting_since=NOON - timedelta(hours=1)), NOON, 180
    )


def test_a_row_masks_numbers_and_escapes() -> None:
    shown = row(ZH, Named(summary(last_line="打 13812345678 <b>"), "林*", ""), NOON, 180, False)
    assert "138****5678 &lt;b&gt;" in shown
    assert "13812345678" not in shown


def test_what_may_be_done_depends_on_whose_it_is() -> None:
    assert possible(thread(), ME)[:4] == ["transfer", "give_back", "snooze", "resolve"]
    assert "resolve" not in possible(thread(agent_id=COLLEAGUE), ME)
    assert possible(thread(agent_id=COLLEAGUE), ME)[0] == "take_over"
    assert possible(thread(owner="queue", agent_id=None), ME)[0] == "claim"
    assert possible(thread(owner="bot", agent_id=None), ME)[0] == "take_over"
    assert possible(thread(owner="bot", status="resolved"), ME) == ["reopen", "tags"]
    assert possible(thread(merged_into="c2"), ME) == []


def test_every_verb_has_a_deed_a_key_and_words_and_no_two_share_a_key_at_once() -> None:
    assert VERBS.keys() == KEYS.keys()
    for found in (thread(), thread(owner="queue"), thread(owner="bot"), thread(status="resolved")):
        keys = [KEYS[verb] for verb in possible(found, ME)]
        assert len(keys) == len(set(keys))
    for words in (ZH, EN):
        assert all(words(f"verb.{verb}") for verb in VERBS)
    assert not {key.lower() for key in KEYS.values()} & set("rnfsjk/?")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, ""),
        ({"merged_into": "c2"}, "blocked.merged"),
        ({"status": "resolved"}, "blocked.resolved"),
        ({"allowance": Allowance(left=0, until=None)}, "blocked.window_closed"),
        ({"allowance": Allowance(left=3, until=NOON)}, "blocked.window_closed"),
        ({"allowance": Allowance(left=3, until=NOON + timedelta(hours=1))}, ""),
        ({"owner": "bot", "agent_id": COLLEAGUE}, ""),
    ],
)
def test_sending_is_blocked_with_the_reason(fields: dict[str, Any], why: str) -> None:
    assert blocked(ZH, thread(**fields), ME, NOON, PEOPLE) == (ZH(why) if why else "")


def test_a_used_quota_and_a_colleague_block_with_what_can_be_done() -> None:
    used = thread(allowance=Allowance(left=0, until=NOON + timedelta(hours=2)))
    assert "2 小时" in blocked(ZH, used, ME, NOON, PEOPLE)
    assert "小陈" in blocked(ZH, thread(agent_id=COLLEAGUE), ME, NOON, PEOPLE)


def test_what_is_left_of_the_window_is_shown_before_sending() -> None:
    found = thread(allowance=Allowance(left=4, until=NOON + timedelta(hours=40)))
    assert allowance_line(ZH, found, NOON) == ZH("allowance", left=4, rest="40 小时")
    assert allowance_line(ZH, thread(), NOON) == ""


def test_lines_notes_and_changes_stand_in_the_order_of_time() -> None:
    found = thread(
        lines=[line(1, "shopper"), line(2, "bot"), line(9, "agent", staff_id=ME)],
        notes=[
            ThreadNote(id=4, at=NOON - timedelta(minutes=24), staff_id=ME, text="急", mentions=[COLLEAGUE])
        ],
        changes=[
            ThreadChange(
                id=5,
                at=NOON - timedelta(minutes=27),
                kind="claimed",
                reason="",
                to_owner="agent",
                staff_id=ME,
                agent_id=ME,
                note="",
            )
        ],
    )
    rows = thread_rows(ZH, found, PEOPLE, NOON)
    assert [key for key in rows if not key.startswith("day")] == [
        "line1",
        "line2",
        "change5",
        "note4",
        "line9",
    ]
    assert "@小陈" in rows["note4"]
    assert "小宁 认领了会话" in rows["change5"]


@pytest.mark.parametrize(
    "reason", ["window_closed", "quota_used", "quota_kept", "handed_over", "cut_off", "gave_up"]
)
def test_a_line_that_failed_says_why_in_words(reason: str) -> None:
    carried = Carried(state="unknown" if reason == "cut_off" else "failed", reason=reason)
    for words in (ZH, EN):
        shown = thread_rows(words, thread(lines=[line(1, "bot", carried=carried)]), PEOPLE, NOON)["line1"]
        assert words(f"failure.{reason}").split("'")[0] in shown
        assert reason not in shown


def test_a_reason_nobody_has_words_for_is_named() -> None:
    failed = line(1, "agent", carried=Carried(state="failed", reason="strange_thing"))
    assert "strange_thing" in thread_rows(ZH, thread(lines=[failed]), PEOPLE, NOON)["line1"]


def test_what_the_bot_understood_stands_under_the_line() -> None:
    read = Understood(intent="track_shipment", confidence=0.42, actions=["action_track", "action_listen"])
    shown = thread_rows(ZH, thread(lines=[line(1, "shopper", understood=read)]), PEOPLE, NOON)["line1"]
    assert "查物流" in shown
    assert "42%" in shown
    assert "understood unsure" in shown
    assert "action_track" in shown
    assert "action_listen" not in shown


@pytest.mark.parametrize(("said", "amount"), [("12", 1200), ("12.5", 1250), ("0.01", 1), ("￥3.05", 305)])
def test_yuan_are_read_as_fen(said: str, amount: int) -> None:
    assert fen(said) == amount


@pytest.mark.parametrize("said", ["", "0", "-1", "1.234", "1e3", "一百", "1.x", "99999999", "²"])
def test_what_is_no_amount_is_refused(said: str) -> None:
    with pytest.raises(Invalid, match="bad_amount"):
        fen(said)


def test_the_question_is_what_was_said_since_the_last_answer_then_more() -> None:
    found = thread(
        lines=[line(1, "shopper", "怎么退货"), line(2, "bot", "请选择"), line(3, "shopper", "在吗")]
    )
    assert questions(found) == ["在吗", "怎么退货\n在吗"]
    assert questions(thread(lines=[line(1, "bot", "您好")])) == []


def test_canned_replies_are_ranked_by_likeness() -> None:
    known = [
        CannedReplyView(id=n, shortcut=f"s{n}", title=title, text=text, actions=[], shared=True)
        for n, (title, text) in enumerate((("问候", "您好"), ("退款时间", "退款一般 1 到 3 天到账")))
    ]
    assert [reply.title for reply in likely("我的退款时间要多久", known)] == ["退款时间"]


def test_a_visitor_has_no_risk_line_and_a_customer_has() -> None:
    assert risk(ZH, Dossier(), NOON) == ""
    person = CustomerView(id=7, name="林晓", phone="15400000001", level="gold", points=3)
    assert ZH("risk.line", orders=0, returns=0, amount="¥0") in risk(ZH, Dossier(person=person), NOON)
