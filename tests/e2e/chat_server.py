"""A shop of a few pages that speaks the chat protocol in memory, with faults on demand."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

WIDGET = Path(__file__).parents[2] / "integrations" / "channels" / "widget"
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
    '<rect width="100" height="100" fill="#e9c9a8"/><circle cx="50" cy="54" r="24" fill="#b4491f"/></svg>'
)


@dataclass
class Conversation:
    """One transcript: events 1, 2, 3… and which client message became which event."""

    shopper: str | None
    id: str = field(default_factory=lambda: uuid4().hex)
    token: str = field(default_factory=lambda: uuid4().hex)
    shown: str = ""
    owner: str = "bot"
    standing: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    acks: dict[str, int] = field(default_factory=dict)
    sockets: set[WebSocket] = field(default_factory=set)

    async def send(self, frame: dict[str, Any]) -> None:
        for connection in list(self.sockets):
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await connection.send_json(frame)

    async def say(self, text: str, sender: str = "bot", at: str | None = None, **rest: Any) -> int:
        event = {
            "id": len(self.events) + 1,
            "at": at or datetime.now(UTC).isoformat(),
            "from": sender,
            "text": text,
            "buttons": [],
            "card": None,
            **rest,
        }
        self.events.append(event)
        await self.send({"type": "event", "event": event})
        return int(event["id"])

    async def typing(self, on: bool) -> None:
        await self.send({"type": "typing", "on": on})

    async def give_to(self, owner: str, **standing: Any) -> None:
        """`standing`: agent, queue, seen, people."""
        self.owner, self.standing = owner, standing
        await self.send({"type": "owner", "owner": owner, **standing})

    def said(self) -> list[str]:
        return [event["text"] for event in self.events]


class ChatServer:
    """The shop as the widget sees it; the switches below break it in the ways a network can."""

    def __init__(self) -> None:
        self.url = ""
        self.conversations: list[Conversation] = []
        self.frames: list[dict[str, Any]] = []
        self.sessions = {"session-lin": "林晓", "session-wang": "王强"}
        self.refuse_with: dict[str, str] | None = None
        self.refuse_pictures_with: dict[str, str] | None = None
        self.lose_acks = False
        self.answers = True
        self.reachable = asyncio.Event()
        self.reachable.set()
        self.changed = asyncio.Condition()

    @property
    def conversation(self) -> Conversation:
        """The newest conversation."""
        return self.conversations[-1]

    async def go_down(self) -> None:
        """Close every line and take no new one; pages are still served."""
        self.reachable.clear()
        for conversation in self.conversations:
            for connection in list(conversation.sockets):
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await connection.close(1012)

    def come_back(self) -> None:
        self.reachable.set()

    async def until(self, condition: Any, seconds: float = 10) -> None:
        """Wait until `condition()` holds; it is asked after every frame received."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(condition)

    async def open_conversation(self, request: Request) -> Response:
        if not self.reachable.is_set():
            return JSONResponse({"code": "unavailable"}, 503)
        session = request.headers.get("authorization", "").removeprefix("Bearer ")
        if session and session not in self.sessions:
            return JSONResponse({"code": "session_expired"}, 401)
        shopper = self.sessions.get(session)
        mine = [each for each in self.conversations if shopper and each.shopper == shopper]
        conversation = mine[0] if mine else Conversation(shopper)
        if not mine:
            self.conversations.append(conversation)
        return JSONResponse({"conversation": conversation.id, "token": conversation.token}, 201)

    def allowed(self, request: Request) -> Conversation | None:
        """The conversation in the path, if its token is shown."""
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        known = [each for each in self.conversations if each.id == request.path_params["conversation"]]
        return known[0] if known and known[0].token == shown else None

    async def sign_in_there(self, request: Request) -> Response:
        """A visitor has signed in: the conversation is theirs."""
        conversation, wanted = self.allowed(request), (await request.json())["session"]
        if conversation is None or wanted not in self.sessions:
            return JSONResponse({"code": "session_expired"}, 401)
        if conversation.shopper not in (None, self.sessions[wanted]):
            return JSONResponse({"code": "conflict"}, 409)
        conversation.shopper = self.sessions[wanted]
        return JSONResponse({"conversation": conversation.id, "token": conversation.token})

    async def store(self, request: Request) -> Response:
        conversation = self.allowed(request)
        if conversation is None or not self.reachable.is_set():
            return JSONResponse({"code": "unavailable"}, 503)
        if self.refuse_pictures_with:
            return JSONResponse(self.refuse_pictures_with, 422)
        name = uuid4().hex
        conversation.pictures[name] = await request.body()
        return JSONResponse({"id": name}, 201)

    async def stored(self, request: Request) -> Response:
        conversation = self.allowed(request)
        content = conversation and conversation.pictures.get(request.path_params["picture"])
        return Response(content, media_type="image/png") if content else Response(status_code=404)

    async def line(self, connection: WebSocket) -> None:
        if not self.reachable.is_set():
            await connection.close(1013)
            return
        await connection.accept()
        conversation = None
        try:
            async for text in connection.iter_text():
                frame = json.loads(text)
                self.frames.append(frame)
                if frame["type"] == "hello":
                    conversation = await self.greet(connection, frame)
                    if conversation is None:
                        return
                elif conversation is not None:
                    await self.take(connection, conversation, frame)
                async with self.changed:
                    self.changed.notify_all()
        finally:
            if conversation is not None:
                conversation.sockets.discard(connection)

    async def greet(self, connection: WebSocket, hello: dict[str, Any]) -> Conversation | None:
        known = [each for each in self.conversations if each.token == hello["token"]]
        if not known:
            await connection.close(4401)
            return None
        conversation = known[0]
        await connection.send_json(
            {
                "type": "ready",
                "conversation": conversation.shown or conversation.id,
                "owner": conversation.owner,
                "last": len(conversation.events),
                **conversation.standing,
            }
        )
        for event in conversation.events[hello["after"] :]:
            await connection.send_json({"type": "event", "event": event})
        conversation.sockets.add(connection)
        return conversation

    async def take(self, connection: WebSocket, conversation: Conversation, frame: dict[str, Any]) -> None:
        if frame["type"] == "ping":
            await connection.send_json({"type": "pong"})
            return
        if frame["type"] in ("typing", "read", "delivered"):
            return
        if self.refuse_with:
            await connection.send_json({"type": "error", "id": frame["id"], **self.refuse_with})
            return
        new = frame["id"] not in conversation.acks
        text = frame.get("label") or frame["text"]
        more = {"attachment": frame["attachment"]} if "attachment" in frame else {}
        if new and self.lose_acks:
            conversation.sockets.clear()
        if new:
            event = await conversation.say(text, "shopper", client_id=frame["id"], **more)
            conversation.acks[frame["id"]] = event
        if self.lose_acks:
            await connection.close(1011)
            return
        await connection.send_json(
            {"type": "ack", "id": frame["id"], "event": conversation.acks[frame["id"]]}
        )
        if new and self.answers:
            await conversation.say(f"收到：{text}")

    async def sign_in(self, request: Request) -> Response:
        wanted = await request.json()
        if wanted["password"] != "demo1234":
            return JSONResponse({"code": "wrong_password", "detail": "手机号或密码不对"}, 401)
        return JSONResponse({"token": "session-lin", "name": "林晓"})

    async def me(self, request: Request) -> Response:
        known = request.headers["authorization"].removeprefix("Bearer ") in self.sessions
        return JSONResponse({"name": "林晓"} if known else {"code": "session_expired"}, 200 if known else 401)

    async def sign_ins(self, request: Request) -> Response:
        people = [
            ("林晓", "前天下单，包裹在路上"),
            ("王强", "刚付款，还没有发货"),
            ("陈思远", "退货已寄回，等退款"),
        ]
        return JSONResponse(
            {
                "sign_ins": [
                    {"name": name, "phone": f"1540000000{n}", "password": "demo1234", "situation": situation}
                    for n, (name, situation) in enumerate(people)
                ]
            }
        )

    async def products(self, request: Request) -> Response:
        names = ["云朵轻羽绒服", "松木香薰蜡烛", "亚麻衬衫", "手冲咖啡壶", "羊绒围巾", "早餐盘"]
        return JSONResponse(
            {
                "products": [
                    {
                        "id": n,
                        "name": name,
                        "category": "家居",
                        "price_from_fen": 9900 * n,
                        "image": "/picture.svg",
                    }
                    for n, name in enumerate(names, 1)
                ]
            }
        )

    async def host_page(self, request: Request) -> Response:
        """Another site's page with the one script tag; the query becomes its data attributes."""
        options = " ".join(f'data-{name}="{value}"' for name, value in request.query_params.items())
        return HTMLResponse(
            '<!doctype html><html><meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<body><a href="#">别处</a><script src="/chat/xiaoer-chat.js" {options}></script></body></html>'
        )

    def app(self) -> Starlette:
        async def file(request: Request) -> Response:
            name = "storefront.html" if request.url.path == "/" else "xiaoer-chat.js"
            return FileResponse(WIDGET / name)

        async def picture(request: Request) -> Response:
            return Response(PICTURE, media_type="image/svg+xml")

        return Starlette(
            routes=[
                Route("/", file),
                Route("/host", self.host_page),
                Route("/picture.svg", picture),
                Route("/chat/xiaoer-chat.js", file),
                Route("/chat/conversations", self.open_conversation, methods=["POST"]),
                Route("/chat/conversations/{conversation}/customer", self.sign_in_there, methods=["POST"]),
                Route("/chat/conversations/{conversation}/attachments", self.store, methods=["POST"]),
                Route("/chat/conversations/{conversation}/attachments/{picture}", self.stored),
                WebSocketRoute("/chat/ws", self.line),
                Route("/api/session", self.sign_in, methods=["POST"]),
                Route("/api/me", self.me),
                Route("/api/demo/sign-ins", self.sign_ins),
                Route("/api/products", self.products),
                Mount("/static", StaticFiles(directory=WIDGET)),
            ]
        )


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[ChatServer]:
    """A running ChatServer on a free port of this machine."""
    shop = ChatServer()
    listener = socket.create_server(("127.0.0.1", 0))
    shop.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(shop.app(), log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield shop
    finally:
        server.should_exit = True
        await task
