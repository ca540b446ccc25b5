import asyncio
import io
import os
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import func

from backoffice.kit.time import now
from backoffice.returns.models import Return, ReturnPhoto
from backoffice.trade.models import OrderLine
from tests.backoffice.returns.conftest import Answer, Desk


def picture() -> bytes:
    """A JPEG that tells where it was taken."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "home of a shopper"
    Image.new("RGB", (20, 10), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


async def store(desk: Desk, headers: dict[str, str] | None = None, content: bytes = b"") -> httpx.Response:
    path = "/api/returns/photos?name=../破损.png"
    return await desk.client.post(path, content=content or picture(), headers=headers or desk.owner)


async def claim(desk: Desk, number: str, *photos: str, reason: str = "damaged") -> httpx.Response:
    return await desk.ask(number, [1], kind="claim", reason=reason, photos=list(photos))


async def claimed(desk: Desk) -> tuple[Answer, str]:
    photo = (await store(desk)).json()["id"]
    return (await claim(desk, await desk.shop.order("delivered"), photo)).json(), photo


@pytest.mark.parametrize(("reason", "needed"), [("damaged", 1), ("wrong_item", 1), ("missing", 0)])
async def test_a_claim_needs_photos_where_the_rules_say_so(desk: Desk, reason: str, needed: int) -> None:
    number = await desk.shop.order("delivered")
    [line] = await desk.lines_of(number)
    body = {"kind": "claim", "line_id": line, "reason": reason}
    terms = await desk.client.post(f"/api/orders/{number}/returns/preview", json=body, headers=desk.owner)
    assert terms.json()["photos_required"] == needed
    without = await claim(desk, number, reason=reason)
    if not needed:
        assert without.status_code == 200
        return
    assert (without.status_code, without.json()["code"], without.json()["needed"]) == (
        422,
        "photos_required",
        1,
    )
    photo = (await store(desk)).json()
    assert (photo["media_type"], photo["width"], photo["name"]) == ("image/jpeg", 20, "破损.jpg")
    made = (await claim(desk, number, photo["id"], reason=reason)).json()
    assert made["photos"] == [photo]
    again = await claim(desk, await desk.shop.order("delivered"), photo["id"])
    assert (again.status_code, again.json()["code"]) == (404, "photo_not_found")
    assert await desk.shop.value(func.count(Return.id)) == 1


async def test_the_owner_and_staff_see_a_photo_and_nobody_else(desk: Desk, stranger: dict[str, str]) -> None:
    made, photo = await claimed(desk)
    mine, staffs = f"/api/returns/photos/{photo}", f"/api/staff/returns/photos/{photo}"
    shown = await desk.client.get(mine, headers=desk.owner)
    assert (shown.status_code, shown.headers["x-content-type-options"]) == (200, "nosniff")
    assert b"home of a shopper" not in shown.content
    small = await desk.client.get(f"{staffs}?thumbnail=1", headers=desk.staff["agent"])
    assert (small.status_code, small.headers["content-type"]) == (200, "image/webp")
    case = (await desk.client.get(f"/api/staff/returns/{made['number']}", headers=desk.staff["agent"])).json()
    assert [each["id"] for each in case["photos"]] == [photo]
    for path, headers, status in (
        (mine, stranger, 404),
        (mine, {}, 401),
        (staffs, stranger, 401),
        (staffs, desk.owner, 401),
        ("/api/returns/photos/..%2Fsecret", desk.owner, 404),
    ):
        assert (await desk.client.get(path, headers=headers)).status_code == status, path
    number = await desk.shop.order("delivered")
    theirs = (await store(desk, stranger)).json()["id"]
    refused = await claim(desk, number, theirs)
    assert (refused.status_code, refused.json()["code"]) == (404, "photo_not_found")


async def test_more_photos_until_it_is_inspected(desk: Desk) -> None:
    made, first = await claimed(desk)
    path = f"/api/returns/{made['number']}/photos"
    second = (await store(desk)).json()["id"]
    more = (await desk.client.post(path, json={"photos": [second]}, headers=desk.owner)).json()
    assert [each["id"] for each in more["photos"]] == [first, second]
    many = [(await store(desk)).json()["id"] for _ in range(8)]
    refused = await desk.client.post(path, json={"photos": many}, headers=desk.owner)
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_photos")
    await desk.client.post(f"/api/returns/{made['number']}/undo", headers=desk.owner)
    late = await desk.client.post(path, json={"photos": many[:1]}, headers=desk.owner)
    assert (late.status_code, late.json()["code"]) == (409, "not_in_this_state")


async def test_of_rival_claims_one_has_the_photo(desk: Desk) -> None:
    numbers = [await desk.shop.order("delivered") for _ in range(6)]
    photo = (await store(desk)).json()["id"]
    answers = await asyncio.gather(*(claim(desk, number, photo) for number in numbers))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5
    assert await desk.shop.value(func.sum(OrderLine.returned)) == 1


async def test_what_is_no_picture_is_refused(desk: Desk) -> None:
    refused = await store(desk, content=b"<svg onload=alert(1)>")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_a_picture")
    assert await desk.shop.rows(ReturnPhoto) == []


async def test_what_no_case_names_is_swept_away(desk: Desk, api: FastAPI, tmp_path: Path) -> None:
    _, kept = await claimed(desk)
    await store(desk)
    folder = tmp_path / "return_photos"
    lost = folder / "lost"
    lost.write_bytes(b"")
    old = (now() - timedelta(days=2)).timestamp()
    for file in folder.iterdir():
        os.utime(file, (old, old))
    await api.state.return_photos.sweep(now() + timedelta(hours=25))
    assert [photo.id for photo in await desk.shop.rows(ReturnPhoto)] == [kept]
    assert {file.name for file in folder.iterdir()} == {kept, f"{kept}.thumbnail"}
