"""Parcels with a carrier at the other end of the line."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from backoffice.events.models import OutboxEvent
from backoffice.events.relay import Relay
from backoffice.fulfillment import fulfilments, service
from backoffice.fulfillment.fulfilment_schemas import NewParcel, Piece
from backoffice.fulfillment.models import Shipment
from backoffice.fulfillment.ports import CarrierAway, CarrierRefused
from backoffice.fulfillment.rounds import Rounds
from backoffice.fulfillment.sending import Sending
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, Unauthenticated, answer_problems
from backoffice.kit.time import now
from integrations.carriers import endpoints
from integrations.carriers.http import HttpCarrier
from integrations.carriers.simulator import CarrierSimulator
from tests.backoffice.fulfillment.order import ORDER, shown, topics
from tests.backoffice.stock import COAT_M

ALL = NewParcel(key="1", carrier="sf")
WEEK = timedelta(days=7)


@pytest.fixture
def sending(database: Database, carrier: HttpCarrier) -> Sending:
    return Sending(database, {"sf": carrier})


@pytest.fixture
async def client(database: Database, carrier: HttpCarrier) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.database, app.state.carriers = database, {"sf": carrier}
    answer_problems(app)
    app.include_router(endpoints.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


async def push(
    client: httpx.AsyncClient, simulator: CarrierSimulator, *events: dict[str, Any]
) -> httpx.Response:
    headers, body = simulator.push(events)
    return await client.post("/carriers/sf/push", content=body, headers=headers)


async def test_a_parcel_is_booked_and_followed_to_the_door(
    client: httpx.AsyncClient, database: Database, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    (parcel,) = (await sending.send(packed, ALL)).parcels
    way = [
        simulator.move(parcel.number, state, now() + timedelta(minutes=minute))
        for minute, state in enumerate(("in_transit", "out_for_delivery", "delivered"), 1)
    ]
    arrivals = way * 2
    Random(5).shuffle(arrivals)
    for event in arrivals:
        assert (await push(client, simulator, event)).json() == {"parcels": 1}
    assert (await shown(database, packed)).state == "delivered"
    assert (await topics(database)).count("fulfilment.delivered") == 1
    assert (await topics(database)).count("parcel.delivered") == 1


async def test_an_answer_that_was_lost_books_no_second_parcel(
    sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    simulator.lose_answers = 1
    with pytest.raises(CarrierAway):
        await sending.send(packed, ALL)
    sent = await sending.send(packed, ALL)
    assert await sending.send(packed, ALL) == sent
    assert list(simulator.parcels) == [sent.parcels[0].number]


async def test_a_carrier_that_is_away_sends_nothing(
    database: Database, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    simulator.fail = 1
    with pytest.raises(CarrierAway, match="carrier_away"):
        await sending.send(packed, ALL)
    assert (await shown(database, packed)).state == "packed"
    assert simulator.parcels == {}


async def test_what_is_booked_and_may_not_leave_is_stopped(
    database: Database, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    too_many = ALL.model_copy(update={"pieces": [Piece(sku_id=COAT_M, quantity=3)]})
    with pytest.raises(Conflict, match="too_many_pieces"):
        await sending.send(packed, too_many)
    assert simulator.stopped == set(simulator.parcels)
    async with database.write() as session:
        await fulfilments.cancel(session, packed)
    with pytest.raises(Conflict, match="fulfilment_moved_on"):
        await sending.send(packed, ALL.model_copy(update={"key": "2"}))
    assert len(simulator.parcels) == 1


async def test_a_carrier_stops_what_is_not_at_the_door(
    sending: Sending, carrier: HttpCarrier, simulator: CarrierSimulator, packed: int
) -> None:
    number = (await sending.send(packed, ALL)).parcels[0].number
    assert await carrier.cancel(number)
    simulator.move(number, "out_for_delivery")
    assert not await carrier.cancel(number)
    with pytest.raises(CarrierRefused):
        await carrier.cancel("NONE1")


async def test_who_does_not_know_the_secret_is_not_believed(
    client: httpx.AsyncClient, database: Database, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    number = (await sending.send(packed, ALL)).parcels[0].number
    event = simulator.move(number, "delivered")
    headers, body = simulator.push([event])
    for forged in (
        {},
        headers | {"x-carrier-signature": "0" * 64},
        headers | {"x-carrier-signature": "é"},
        headers | {"x-carrier-timestamp": "x"},
        headers | {"x-carrier-timestamp": str(int(headers["x-carrier-timestamp"]) + 1)},
        simulator.push([event], now() - timedelta(minutes=6))[0],
        simulator.push([event], now() + timedelta(minutes=6))[0],
    ):
        raw = {name: value.encode("utf8") for name, value in forged.items()}
        answer = await client.post("/carriers/sf/push", content=body, headers=raw)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert (await shown(database, packed)).parcels[0].state == "in_transit"
    answer = await client.post("/carriers/zz/push", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "carrier_not_found")


async def test_what_is_signed_and_senseless_is_refused(
    client: httpx.AsyncClient, carrier: HttpCarrier, simulator: CarrierSimulator, database: Database
) -> None:
    good = simulator.move("SF1000", "delivered")
    for bad in (
        {"state": "eaten"},
        {"at": "2026-11-27T10:00:00"},
        {"at": (now() + timedelta(hours=2)).isoformat()},
        {"id": "x" * 61},
        {"number": "1' OR 1=1"},
        {"text": "\x00"},
    ):
        answer = await push(client, simulator, good | bad)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_push"), bad
    headers, _ = simulator.push([])
    with pytest.raises(Unauthenticated):
        carrier.read(headers, b"{", now())
    with pytest.raises(Invalid):
        carrier.read(*simulator.push(["what"]), now())  # type: ignore[list-item]


async def test_of_a_push_the_known_parcels_are_taken_in(
    client: httpx.AsyncClient, database: Database, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    number = (await sending.send(packed, ALL)).parcels[0].number
    events = [simulator.move("SF404", "delivered"), simulator.move(number, "delivered")]
    answer = await push(client, simulator, *events)
    assert (answer.status_code, answer.json()["numbers"]) == (404, ["SF404"])
    assert (await shown(database, packed)).state == "delivered"


async def test_a_silent_parcel_is_asked_for_before_it_is_lost(
    database: Database, carrier: HttpCarrier, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    rounds = Rounds(database, {"sf": carrier}, WEEK)
    number = (await sending.send(packed, ALL)).parcels[0].number

    async def silent_for(days: int) -> str:
        async with database.write() as session:
            await session.execute(update(Shipment).values(heard_at=now() - timedelta(days=days)))
        await rounds.round()
        return (await shown(database, packed)).parcels[0].state

    assert await silent_for(6) == "in_transit"
    simulator.move(number, "out_for_delivery")
    assert await silent_for(8) == "out_for_delivery"
    simulator.fail = 1
    assert await silent_for(8) == "out_for_delivery"
    assert await silent_for(8) == "lost"
    assert (await shown(database, packed)).state == "lost"
    assert (await topics(database))[-2:] == ["parcel.lost", "fulfilment.lost"]


async def test_who_never_answers_loses_the_parcel_in_the_end(
    database: Database, carrier: HttpCarrier, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    await sending.send(packed, ALL)
    async with database.write() as session:
        await session.execute(update(Shipment).values(heard_at=now() - timedelta(days=15)))
    await Rounds(database, {}, WEEK).round()
    assert (await shown(database, packed)).parcels[0].state == "in_transit"
    simulator.fail = 1
    await Rounds(database, {"sf": carrier}, WEEK).round()
    assert (await shown(database, packed)).parcels[0].state == "lost"


async def test_a_stopped_parcel_is_asked_back_until_the_carrier_answers(
    database: Database, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    number = (await sending.send(packed, ALL)).parcels[0].number
    relay = Relay(database)
    sending.subscribe(relay)
    async with database.write() as session:
        await service.ask_intercept(session, ORDER)
    simulator.fail = 1
    await relay.pass_on()
    assert simulator.stopped == set()
    async with database.write() as session:
        await session.execute(update(OutboxEvent).values(due_at=now()))
    await relay.pass_on()
    assert simulator.stopped == {number}


async def test_rival_parcels_of_one_key_do_not_stop_each_other(
    database: Database, sending: Sending, simulator: CarrierSimulator, packed: int
) -> None:
    wanted = [ALL.model_copy(update={"pieces": [Piece(sku_id=COAT_M, quantity=n)]}) for n in (1, 2, 3)] * 2
    tries = await asyncio.gather(*(sending.send(packed, each) for each in wanted), return_exceptions=True)
    (parcel,) = (await shown(database, packed)).parcels
    assert any(not isinstance(each, BaseException) for each in tries)
    assert parcel.number not in simulator.stopped
    assert simulator.stopped == set(simulator.parcels) - {parcel.number}
