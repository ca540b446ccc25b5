"""Tencent's API for one account: what we send, and how it ended."""

import time
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from backoffice.settings import WeChatAccount
from integrations.channels.wechat.memory import Memory, Token
from integrations.channels.wechat.outcomes import Outcome, outcome_of
from integrations.channels.wechat.token import TokenKeeper

log = structlog.get_logger()

CALL_WITHIN = 10.0
IDLE_SECONDS = 2.0
LARGEST_MEDIA = 10 * 1024 * 1024
TYPING_SECONDS = 15.0
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class CallFailed(Exception):
    """A call that did not end `ok`."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(f"{outcome}: {detail}")
        self.outcome = outcome


@dataclass(frozen=True)
class Media:
    """A picture or voice as it was sent to us."""

    content: bytes
    media_type: str


def client_of(url: str) -> httpx.AsyncClient:
    """A client for every account; a connection is not kept so long that the other side may have closed it."""
    return httpx.AsyncClient(
        base_url=url, timeout=CALL_WITHIN, trust_env=False, limits=httpx.Limits(keepalive_expiry=IDLE_SECONDS)
    )


class Api:
    """Calls carry the account's token; one that is refused for its token is made again once with another."""

    def __init__(self, account: WeChatAccount, client: httpx.AsyncClient, memory: Memory) -> None:
        self._account, self._client = account, client
        self._tokens = TokenKeeper(account.app_id, memory, self._fetch_token)
        self._typing_until: dict[str, float] = {}

    async def send(self, openid: str, message: dict[str, Any]) -> None:
        """Push a message made by `text`, `menu` and so on below. Raises `CallFailed`."""
        self._typing_until.pop(openid, None)
        await self._post("/cgi-bin/message/custom/send", {"touser": openid, **message})

    async def typing(self, openid: str) -> None:
        """Show the shopper for 15 seconds, or until something is sent, that an answer is being written."""
        moment = time.monotonic()
        if self._typing_until.get(openid, 0) > moment:
            return
        self._typing_until = {who: until for who, until in self._typing_until.items() if until > moment}
        self._typing_until[openid] = moment + TYPING_SECONDS
        business = "/business" if self._account.kind == "mini" else ""
        body = {"touser": openid, "command": "Typing"}
        await self._post(f"/cgi-bin/message/custom{business}/typing", body)

    async def create_menu(self, buttons: list[dict[str, Any]]) -> None:
        """Set the menu at the foot of the official account. Raises `CallFailed`."""
        await self._post("/cgi-bin/menu/create", {"button": buttons})

    async def upload(self, name: str, content: bytes, media_type: str) -> str:
        """The media id of a picture to send, good for three days. Raises `CallFailed`."""
        said = await self._post(
            "/cgi-bin/media/upload", query={"type": "image"}, files={"media": (name, content, media_type)}
        )
        return str(said.get("media_id", ""))

    async def download(self, media_id: str, limit: int = LARGEST_MEDIA) -> Media:
        """A picture or voice, of `limit` bytes at most. Raises `CallFailed`."""
        token = await self._tokens.get()
        try:
            return await self._download(media_id, token, limit)
        except CallFailed as failed:
            if failed.outcome is not Outcome.TOKEN:
                raise
        return await self._download(media_id, await self._tokens.renewed(token), limit)

    async def _download(self, media_id: str, token: str, limit: int) -> Media:
        query = {"access_token": token, "media_id": media_id}
        content = bytearray()
        try:
            async with self._client.stream("GET", "/cgi-bin/media/get", params=query) as response:
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > limit:
                        raise CallFailed(Outcome.OTHER, f"media of more than {limit} bytes")
        except httpx.HTTPError as error:
            raise CallFailed(Outcome.TRY_LATER, repr(error)) from error
        media_type = response.headers.get("content-type", "").partition(";")[0].strip()
        if response.status_code != 200 or media_type in ("application/json", "text/plain"):
            said = json_of(httpx.Response(response.status_code, content=bytes(content)))
            raise CallFailed(outcome_of(said.get("errcode", 1)), f"media: {said.get('errcode')}")
        return Media(bytes(content), media_type)

    async def _post(
        self, path: str, body: Any = None, query: dict[str, str] | None = None, files: Any = None
    ) -> dict[str, Any]:
        token = await self._tokens.get()
        outcome, said = await self._ask(path, body, {"access_token": token, **(query or {})}, files)
        if outcome is Outcome.TOKEN:
            token = await self._tokens.renewed(token)
            outcome, said = await self._ask(path, body, {"access_token": token, **(query or {})}, files)
        if outcome is not Outcome.OK:
            about = f"{path} {said}"
            log.warning("wechat_refused", app=self._account.app_id, outcome=outcome, about=about)
            raise CallFailed(outcome, about)
        return said

    async def _ask(
        self, path: str, body: Any, query: dict[str, str], files: Any
    ) -> tuple[Outcome, dict[str, Any]]:
        try:
            response = await self._client.post(path, params=query, json=body, files=files)
        except NEVER_SENT as error:
            return Outcome.TRY_LATER, {"error": repr(error)}
        except httpx.HTTPError as error:
            return Outcome.UNKNOWN, {"error": repr(error)}
        said = json_of(response)
        errcode = said.get("errcode", 0 if "media_id" in said else None)
        if response.status_code != 200 or not isinstance(errcode, int):
            refused = 400 <= response.status_code < 500
            return Outcome.OTHER if refused else Outcome.UNKNOWN, {"status": response.status_code}
        return outcome_of(errcode), said

    async def _fetch_token(self, force: bool) -> Token:
        """Asked once more after a cut connection, never forced again: the cut call may have been done."""
        body = {
            "grant_type": "client_credential",
            "appid": self._account.app_id,
            "secret": self._account.secret,
            "force_refresh": force,
        }
        try:
            try:
                said = json_of(await self._client.post("/cgi-bin/stable_token", json=body))
            except httpx.TransportError as error:
                log.warning("wechat_token_asked_again", app=self._account.app_id, error=repr(error))
                body["force_refresh"] = False
                said = json_of(await self._client.post("/cgi-bin/stable_token", json=body))
        except httpx.HTTPError as error:
            raise CallFailed(Outcome.TRY_LATER, repr(error)) from error
        if not isinstance(said.get("access_token"), str) or not isinstance(said.get("expires_in"), int):
            outcome = outcome_of(said.get("errcode", -1))
            log.warning("wechat_token_refused", app=self._account.app_id, force=force, outcome=outcome)
            raise CallFailed(outcome, f"token: {said.get('errcode')}")
        return Token(said["access_token"], time.time() + said["expires_in"])


def json_of(response: httpx.Response) -> dict[str, Any]:
    """The object in a body, empty when there is none."""
    try:
        said = response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def text(content: str) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": content}}


def image(media_id: str) -> dict[str, Any]:
    return {"msgtype": "image", "image": {"media_id": media_id}}


def menu(head: str, items: list[tuple[str, str]], tail: str = "") -> dict[str, Any]:
    """A text with items to tap, each an id and a label. Official accounts only."""
    listed = [{"id": number, "content": label} for number, label in items]
    return {"msgtype": "msgmenu", "msgmenu": {"head_content": head, "list": listed, "tail_content": tail}}


def news(title: str, description: str, url: str, picture: str = "") -> dict[str, Any]:
    """A link with a picture."""
    article = {"title": title, "description": description, "url": url, "picurl": picture}
    return {"msgtype": "news", "news": {"articles": [article]}}


def mini_program_page(title: str, app_id: str, path: str, thumb_media_id: str) -> dict[str, Any]:
    page = {"title": title, "appid": app_id, "pagepath": path, "thumb_media_id": thumb_media_id}
    return {"msgtype": "miniprogrampage", "miniprogrampage": page}
