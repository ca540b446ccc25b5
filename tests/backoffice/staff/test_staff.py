import asyncio

import httpx
import pytest
from sqlalchemy import func, select

from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, NotFound, Unauthenticated
from backoffice.kit.passwords import hash_password
from backoffice.settings import Settings
from backoffice.staff import repository, service, sessions
from backoffice.staff.models import StaffSession
from backoffice.staff.schemas import Face
from backoffice.staff.sessions import Devices, SignedIn, network_of
from backoffice.users.identity import Credentials
from tests.backoffice.staff.conftest import ADMIN, AGENT, SUPERVISOR

RIGHT, WRONG = "xiaoer", "wrong"


async def sign_in(
    client: httpx.AsyncClient, login: str, password: str = RIGHT, device: str = ""
) -> httpx.Response:
    asked = {"login": login, "password": password, "device": device}
    return await client.post("/api/staff/session", json=asked)


async def bearer(client: httpx.AsyncClient, login: str = "agent1", password: str = RIGHT) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await sign_in(client, login, password)).json()['token']}"}


async def test_sign_in_tells_name_and_role(client: httpx.AsyncClient) -> None:
    signed = (await sign_in(client, " Agent1 ")).json()
    assert (signed["name"], signed["role"]) == ("小周", "agent")


async def test_a_login_is_taken_once(database: Database) -> None:
    async def add() -> int:
        async with database.write() as session:
            return await service.add(session, "new", "某人", "agent", "x")

    added = await asyncio.gather(*(add() for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in added) == ["Conflict"] * 3 + ["int"]


async def test_a_shoppers_session_is_no_staff_session(client: httpx.AsyncClient, issued: Credentials) -> None:
    forged = {"Authorization": f"Bearer {issued.sign_session(1)}"}
    assert (await client.get("/api/knowledge/articles", headers=forged)).status_code == 401
    assert (await client.get("/api/me", headers=await bearer(client, "admin"))).status_code == 401


class TestWrongPasswords:
    async def test_run_out_for_a_login(self, client: httpx.AsyncClient) -> None:
        for _ in range(10):
            assert (await sign_in(client, "admin", WRONG)).json()["code"] == "bad_sign_in"
        assert (await sign_in(client, "admin")).json()["code"] == "too_many_tries"
        assert (await sign_in(client, "agent1")).status_code == 200

    async def test_of_a_login_are_forgotten_with_a_new_password(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        for _ in range(11):
            last = await sign_in(client, "admin", WRONG)
        assert last.json()["code"] == "too_many_tries"
        async with database.write() as session:
            await service.set_password(session, ADMIN, "another one")
        assert (await sign_in(client, "admin", "another one")).status_code == 200

    async def test_of_strangers_never_lock_out_a_known_device(self, client: httpx.AsyncClient) -> None:
        device = (await sign_in(client, "admin")).json()["device"]
        for _ in range(12):
            last = await sign_in(client, "admin", WRONG)
        assert last.json()["code"] == "too_many_tries"
        again = await sign_in(client, "admin", device=device)
        assert again.status_code == 200
        assert (await sign_in(client, "admin", device=again.json()["device"])).status_code == 200

    async def test_run_out_for_a_known_device(self, client: httpx.AsyncClient) -> None:
        device = (await sign_in(client, "admin")).json()["device"]
        answers = [await sign_in(client, "admin", WRONG, device) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        assert (await sign_in(client, "admin")).status_code == 200

    async def test_of_anothers_or_a_forged_device_are_a_strangers(self, client: httpx.AsyncClient) -> None:
        device = (await sign_in(client, "agent1")).json()["device"]
        for shown in (device, "forged", f"{device}x"):
            for _ in range(4):
                last = await sign_in(client, "admin", WRONG, shown)
        assert last.json()["code"] == "too_many_tries"

    async def test_run_out_for_a_network_over_all_logins(self, client: httpx.AsyncClient) -> None:
        """Right ones do not count, and do not clear the count of the others."""
        for guess in range(30):
            assert (await sign_in(client, f"nobody{guess}", WRONG)).status_code == 401
            if guess % 10 == 0:
                assert (await sign_in(client, "agent1")).status_code == 200
        assert (await sign_in(client, "nobody")).json()["code"] == "too_many_tries"
        assert (await sign_in(client, "agent1")).json()["code"] == "too_many_tries"

    async def test_of_a_stopped_network_use_up_no_login(self, database: Database, settings: Settings) -> None:
        async def attempt(login: str, password: str, address: str) -> SignedIn:
            return await sessions.sign_in(database, Devices(settings), login, password, address)

        for guess in range(30):
            with pytest.raises(Unauthenticated):
                await attempt(f"nobody{guess}", WRONG, "2001:db8::1")
        for guess in range(12):
            with pytest.raises(Exception, match="too_many_tries"):
                await attempt("admin", WRONG, f"2001:db8::{guess + 2}")
        assert (await attempt("admin", RIGHT, "2001:db8:1::1")).member.id == ADMIN


def test_a_network_is_what_one_client_has() -> None:
    assert network_of("203.0.113.7") == network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of("2001:db8:0:1::1") == network_of("2001:db8:0:1:ffff::") == "2001:db8:0:1::/64"
    assert network_of("testclient") == network_of("") == "unknown"


class TestSessions:
    async def test_signing_out_ends_one(self, client: httpx.AsyncClient) -> None:
        here, there = await bearer(client), await bearer(client)
        assert (await client.delete("/api/staff/session", headers=here)).status_code == 204
        assert (await client.get("/api/staff/me", headers=here)).json()["code"] == "bad_credential"
        assert (await client.get("/api/staff/me", headers=there)).json()["login"] == "agent1"

    async def test_signing_out_everywhere_ends_ones_own(self, client: httpx.AsyncClient) -> None:
        mine, others = [await bearer(client) for _ in range(2)], await bearer(client, "agent2")
        assert (await client.delete("/api/staff/sessions", headers=mine[0])).status_code == 204
        assert [(await client.get("/api/staff/me", headers=each)).status_code for each in mine] == [401, 401]
        assert (await client.get("/api/staff/me", headers=others)).status_code == 200

    @pytest.mark.parametrize("what", ["password", "role", "disabled"])
    async def test_end_when_the_account_changes(
        self, client: httpx.AsyncClient, database: Database, what: str
    ) -> None:
        session_of = await bearer(client, "supervisor")
        async with database.write() as session:
            if what == "password":
                await service.set_password(session, SUPERVISOR, "another one")
            elif what == "role":
                await service.set_role(session, SUPERVISOR, "agent")
            else:
                await service.disable(session, SUPERVISOR)
        assert (await client.get("/api/staff/me", headers=session_of)).status_code == 401
        again = await sign_in(client, "supervisor")
        assert again.status_code == (200 if what == "role" else 401)

    async def test_of_an_enabled_account_do_not_come_back(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        session_of = await bearer(client)
        async with database.write() as session:
            await service.disable(session, AGENT)
        async with database.write() as session:
            await service.enable(session, AGENT)
        assert (await client.get("/api/staff/me", headers=session_of)).status_code == 401
        assert (await sign_in(client, "agent1")).status_code == 200

    async def test_end_after_twelve_hours(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(sessions, "SESSION_SECONDS", -1)
            over = await bearer(client)
        assert (await client.get("/api/staff/me", headers=over)).status_code == 401

    async def test_their_last_use_is_kept_to_the_minute(
        self, client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def last_seen() -> object:
            async with database.read() as session:
                return next(each.last_seen_at for each in await service.accounts(session) if each.id == AGENT)

        assert await last_seen() is None
        session_of = await bearer(client)
        opened = await last_seen()
        await client.get("/api/staff/me", headers=session_of)
        assert await last_seen() == opened
        monkeypatch.setattr(sessions, "SEEN_EVERY", -sessions.SEEN_EVERY)
        await client.get("/api/staff/me", headers=session_of)
        assert await last_seen() != opened

    async def test_are_kept_without_their_tokens(self, client: httpx.AsyncClient, database: Database) -> None:
        token = (await sign_in(client, "agent1")).json()["token"]
        async with database.read() as session:
            assert await repository.signed_in(session, token, sessions.now()) is None
            assert await repository.signed_in(session, sessions.digest(token), sessions.now())

    async def test_that_ended_long_ago_are_forgotten(
        self, client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(sessions, "SESSION_SECONDS", -31 * 24 * 3600)
            await bearer(client)
        await asyncio.gather(*(bearer(client) for _ in range(3)))
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(StaffSession)) == 3

    async def test_opened_with_a_password_that_changes_meanwhile_do_not_begin(
        self, database: Database
    ) -> None:
        """Whichever comes first: after the change, no session of the old password lives."""
        async with database.read() as session:
            verified = await repository.member(session, AGENT)
        assert verified
        new_hash = hash_password("another one")
        tokens: list[str] = []

        async def open_one() -> None:
            async with database.write() as session:
                tokens.append(await sessions.open_session(session, verified))

        async def change() -> None:
            async with database.write() as session:
                await repository.change(session, AGENT, password_hash=new_hash)
                await asyncio.sleep(0)
                await repository.revoke_all(session, AGENT, sessions.now())

        ended = await asyncio.gather(
            *(open_one() for _ in range(4)), change(), *(open_one() for _ in range(4)), return_exceptions=True
        )
        assert all(each is None or isinstance(each, Unauthenticated) for each in ended)
        for token in tokens:
            with pytest.raises(Unauthenticated):
                await sessions.signed_in(database, token)

    async def test_used_while_they_are_revoked_end(self, client: httpx.AsyncClient) -> None:
        session_of = await bearer(client)

        async def use() -> int:
            return (await client.get("/api/staff/me", headers=session_of)).status_code

        answers = await asyncio.gather(
            *(use() for _ in range(5)),
            client.delete("/api/staff/session", headers=session_of),
            *(use() for _ in range(5)),
        )
        assert {each for each in answers if isinstance(each, int)} <= {200, 401}
        assert await use() == 401


async def test_ones_own_password_needs_the_old_one(client: httpx.AsyncClient) -> None:
    async def change(headers: dict[str, str], password: str, new: str) -> httpx.Response:
        asked = {"password": password, "new_password": new}
        return await client.post("/api/staff/password", json=asked, headers=headers)

    session_of = await bearer(client)
    assert (await change(session_of, WRONG, "a longer one")).json()["code"] == "bad_sign_in"
    assert (await change(session_of, RIGHT, "short")).status_code == 422
    assert (await change(session_of, RIGHT, "a longer one")).status_code == 204
    assert (await client.get("/api/staff/me", headers=session_of)).status_code == 401
    assert (await sign_in(client, "agent1")).status_code == 401
    assert (await sign_in(client, "agent1", "a longer one")).status_code == 200


async def test_the_last_admin_stays_even_when_two_go_at_once(database: Database) -> None:
    with pytest.raises(Conflict, match="last_admin"):
        async with database.write() as session:
            await service.set_role(session, ADMIN, "agent")
    async with database.write() as session:
        await service.set_role(session, SUPERVISOR, "admin")

    async def disable(staff_id: int) -> None:
        async with database.write() as session:
            await service.disable(session, staff_id)

    ended = await asyncio.gather(disable(ADMIN), disable(SUPERVISOR), return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["Conflict", "NoneType"]


async def test_shoppers_see_a_face(database: Database) -> None:
    async with database.write() as session:
        await service.set_face(session, AGENT, Face(display_name="小林", avatar="🦊", colour="#aa3311"))
        with pytest.raises(NotFound, match="no_such_account"):
            await service.set_face(session, 99, Face(display_name="无人"))
    async with database.read() as session:
        seen = await service.members(session, [AGENT, ADMIN, 99])
    assert (seen[AGENT].display_name, seen[AGENT].avatar, seen[AGENT].name) == ("小林", "🦊", "小周")
    assert seen[ADMIN].display_name == "老李"
    assert set(seen) == {AGENT, ADMIN}
