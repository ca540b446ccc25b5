"""Posts webhooks, to public addresses only: a webhook must not become a way into our own network."""

import asyncio
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from types import TracebackType
from typing import Self

import httpx

from backoffice.events.ports import Unreachable

TIMEOUT_SECONDS = 5.0
NAT64 = IPv6Network("64:ff9b::/96")


class HttpPost:
    """`private` also posts over plain HTTP and to addresses of our own network: for development.

    A name is looked up once and what was found is checked and connected to, so it cannot mean something else
    the second time. Redirects are not followed and the answer's body is not read.
    """

    def __init__(self, private: bool = False) -> None:
        self._private = private
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._post(httpx.URL(url), body, headers)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unreachable("timeout") from error
        except socket.gaierror as error:
            raise Unreachable("unknown_host") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise Unreachable("no_connection") from error

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> int:
        if not self._private and url.scheme != "https":
            raise Unreachable("https_required")
        addresses = await looked_up(url.host, url.port or (443 if url.scheme == "https" else 80))
        if not self._private and not all(map(is_public, addresses)):
            raise Unreachable("private_address")
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                return await self._post_to(address, url, body, headers)
            except httpx.ConnectError:
                if last == 0:
                    raise
        raise Unreachable("unknown_host")

    async def _post_to(
        self, address: IPv4Address | IPv6Address, url: httpx.URL, body: bytes, headers: Mapping[str, str]
    ) -> int:
        async with self._http.stream(
            "POST",
            url.copy_with(host=str(address)),
            content=body,
            headers={**headers, "Host": url.netloc.decode()},
            extensions={"sni_hostname": url.raw_host.decode()},
        ) as answer:
            return answer.status_code


async def looked_up(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    """What a name or a written address stands for. Raises `socket.gaierror`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody may be reached there; an IPv4 address in IPv6's clothes is the one inside."""
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inside = IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(inside)
    return address.is_global and not address.is_multicast
