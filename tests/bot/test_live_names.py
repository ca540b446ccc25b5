"""The bot's names follow those an app serves over HTTP; here a small one stands for it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from bot.components import live_names
from bot.components.live_names import LiveNames


class App(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.names: dict[str, Any] = {"products": [{"id": 7, "name": "竹编灯笼", "words": []}]}
        self.asked: list[int] = []
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: App

    def do_GET(self) -> None:
        body = json.dumps(self.server.names).encode()
        etag = f'"{hash(body)}"'
        known = self.headers.get("If-None-Match") == etag
        status = 500 if self.server.broken else 304 if known else 200
        if self.headers["Authorization"] != "Bearer secret" or self.path != "/api/names":
            status = 401
        self.server.asked.append(status)
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body) if status == 200 else 0))
        self.end_headers()
        if status == 200:
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


class Bot:
    """Keeps what it was told, and says when."""

    def __init__(self) -> None:
        self.names: Any = None
        self.told = threading.Event()

    def know(self, served: Any) -> None:
        self.names = served
        self.told.set()


@pytest.fixture
def app() -> Iterator[App]:
    app = App()
    thread = threading.Thread(target=app.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield app
    app.shutdown()
    app.server_close()
    thread.join()


def test_only_changed_names_are_taken_over(app: App) -> None:
    names, bot = LiveNames(app.url, "secret"), Bot()
    assert names.refresh(bot)
    assert bot.names == app.names
    assert not names.refresh(bot)
    app.names = {"products": []}
    assert names.refresh(bot)
    assert bot.names == {"products": []}
    assert app.asked == [200, 304, 200]


def test_the_last_names_stay_while_the_app_is_away(app: App) -> None:
    names, bot = LiveNames(app.url, "secret"), Bot()
    names.refresh(bot)
    app.broken = True
    with pytest.raises(requests.RequestException):
        names.refresh(bot)
    assert bot.names == app.names


def test_names_that_cannot_be_read_are_asked_for_again(app: App) -> None:
    class Confused(Bot):
        def know(self, served: Any) -> None:
            raise KeyError("name")

    names, bot = LiveNames(app.url, "secret"), Bot()
    with pytest.raises(KeyError):
        names.refresh(Confused())
    assert names.refresh(bot)


def test_a_bot_is_told_in_the_background(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_names, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(live_names, "RETRY_SECONDS", 0.01)
    monkeypatch.setenv("XIAOER_APP_URL", app.url)
    monkeypatch.setenv("XIAOER_SERVICE_TOKEN", "secret")
    app.broken = True
    bot = Bot()
    follower = LiveNames.follow(bot)
    assert follower is not None
    app.broken = False
    assert bot.told.wait(10)
    del bot
    follower.join(10)
    assert not follower.is_alive()


def test_without_an_app_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XIAOER_SERVICE_TOKEN", raising=False)
    assert LiveNames.follow(Bot()) is None


def test_a_new_product_is_heard_without_training(extractor: Any, served: dict[str, Any]) -> None:
    try:
        extractor.know(served | {"products": [{"id": 7, "name": "竹编灯笼", "words": ["灯笼"]}]})
        (found,) = extractor.extract("竹变灯笼多少钱")
        assert (found["entity"], found["value"], found["ids"]) == ("product", "竹编灯笼", [7])
    finally:
        extractor.know(served)
