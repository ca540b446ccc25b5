from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from backoffice.consoles.markup import button, div, join, span, tag


class Reader(HTMLParser):
    """What a browser would make of it: elements with their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


SAID = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)


@given(SAID, SAID)
def test_whatever_is_said_stays_text(said: str, title: str) -> None:
    found = read(div("bubble", span("text", said), title=title))
    assert [name for name, _ in found.tags] == ["div", "span"]
    assert found.tags[0][1] == {"class": "bubble", "title": title}
    assert found.text == said


def test_a_script_is_shown_not_run() -> None:
    assert read(div("", "<script>alert(1)</script>")).tags == [("div", {})]


def test_attributes_that_do_not_hold_are_left_out() -> None:
    assert tag("input", "", type="file", hidden=True, checked=False, name=None) == (
        '<input type="file" hidden>'
    )


def test_a_button_tells_what_it_does() -> None:
    made = read(button("verb", "认领", value="claim"))
    assert made.tags[0][1]["data-do"] == "verb"
    assert made.tags[0][1]["data-value"] == "claim"


def test_pieces_are_joined_and_text_between_them_escaped() -> None:
    assert join([span("", "a"), "<b>"], " ") == "<span>a</span> &lt;b&gt;"
