"""XML in, without what XML can do; XML out, whatever the texts hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.channels.wechat.errors import BadXml
from integrations.channels.wechat.xml import NEVER_IN_XML, cut, parse, render

ATTACKS = {
    "external entity": '<!DOCTYPE foo [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><Content>&x;</Content></xml>',
    "bare doctype": "<!DOCTYPE xml><xml><Content>1</Content></xml>",
    "external doctype": '<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml/>',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/"> %p;]><xml/>',
    "a billion laughs": '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><xml><C>&b;</C></xml>',
    "undefined entity": "<xml><Content>&x;</Content></xml>",
}
JUNK = {
    "nothing": "",
    "text": "success",
    "unclosed": "<xml><Content>",
    "two roots": "<xml/><xml/>",
    "another root": "<html/>",
    "unknown encoding": b'<?xml version="1.0" encoding="klingon"?><xml/>',
    "wide encoding": b'<?xml version="1.0" encoding="utf-32"?><xml/>',
    "control": "<xml><Content>\x01</Content></xml>",
    "bytes": b"\xff\xfe\x00<xml/>",
}


@pytest.mark.parametrize("case", ATTACKS | JUNK)
def test_neither_attacks_nor_junk_are_read(case: str) -> None:
    body = (ATTACKS | JUNK)[case]
    for form in (body, body.encode()) if isinstance(body, str) else (body,):
        with pytest.raises(BadXml) as refused:
            parse(form)
        assert refused.value.errcode == -40002


def test_deep_nesting_is_survived() -> None:
    assert parse("<xml>" + "<a>" * 50_000 + "</a>" * 50_000 + "</xml>")["a"] == ""


def test_fields_inside_a_field_have_both_names() -> None:
    fields = parse("<xml><ScanCodeInfo><ScanResult><![CDATA[1]]></ScanResult></ScanCodeInfo><A>2</A></xml>")
    assert (fields["ScanCodeInfo.ScanResult"], fields["A"]) == ("1", "2")


@pytest.mark.parametrize("text", ["]]>", "a]]>b]]>c", "]]]]>>", "<![CDATA[x]]>", "</xml>", "&amp;", "\r\n"])
def test_no_text_ends_its_cdata(text: str) -> None:
    assert parse(render({"Content": text, "After": "1"})) == {
        "Content": text.replace("\r\n", "\n"),
        "After": "1",
    }


@given(st.dictionaries(st.from_regex("[A-Z][a-z]{0,5}", fullmatch=True), st.text() | st.integers()))
def test_what_is_written_is_read_back(fields: dict[str, str | int]) -> None:
    expected = {
        name: NEVER_IN_XML.sub("", str(value)).replace("\r\n", "\n").replace("\r", "\n")
        for name, value in fields.items()
    }
    assert parse(render(fields)) == expected


@given(st.text(), st.integers(0, 60))
def test_a_cut_is_at_a_character(text: str, limit: int) -> None:
    kept = cut(text, limit)
    assert text.startswith(kept)
    assert len(kept.encode()) <= limit
    rest = text[len(kept) :]
    assert not rest or len((kept + rest[0]).encode()) > limit
