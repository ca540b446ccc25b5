"""Cards as the terminal shows them."""

from rich.console import Console

from backoffice.terminal import panel


def test_an_article_shows_its_title_and_address_and_nothing_raw() -> None:
    console = Console(width=80)
    with console.capture() as shown:
        card = {
            "type": "article",
            "slug": "return-policy",
            "title": "退货规则",
            "url": "/api/knowledge/1/page",
        }
        console.print(panel(card))
    assert "退货规则" in shown.get()
    assert "/api/knowledge/1/page" in shown.get()
    assert "slug" not in shown.get()
