"""A plan as a picture: everything on it, nothing over anything else, and all of it in words."""

from collections.abc import Sequence
from itertools import combinations
from math import hypot
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.fulfillment.planning.deciding import decide
from backoffice.fulfillment.planning.feasibility import Site
from backoffice.fulfillment.planning.map import Box, apart, beside, fitted, round_km, width
from backoffice.fulfillment.planning.picture import picture
from backoffice.fulfillment.planning.schemas import Decided, Destination
from backoffice.fulfillment.planning.words import Spot, described
from tests.backoffice.fulfillment.planned import TUESDAY_NOON, profile, request, site

SVG = "{http://www.w3.org/2000/svg}"
MAP = Box(18, 64, 372, 340)
WUHAN = Destination(latitude=30.59, longitude=114.3, province="湖北省", city="武汉市")


def spots(sites: Sequence[Site]) -> dict[int, Spot]:
    return {each.place.id: Spot(each.place.name, each.place.latitude, each.place.longitude) for each in sites}


def made(sites: Sequence[Site], lines: dict[int, int], **changes: object) -> Decided:
    wanted = request(lines, destination=changes.pop("destination", WUHAN))
    plan = decide(sites, wanted, profile(**changes), TUESDAY_NOON)  # type: ignore[arg-type]
    assert plan.refusal is None
    return plan.decided()


def texts(svg: str) -> list[tuple[str, Box]]:
    """Every text of the picture and about where it stands."""
    found = []
    for each in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        said, size = each.text or "", float(each.attrib["font-size"])
        x, y, wide = float(each.attrib["x"]), float(each.attrib["y"]), width(said, size)
        x -= {"end": wide, "middle": wide / 2}.get(each.attrib.get("text-anchor", ""), 0)
        found.append((said, Box(x, y - 0.8 * size, x + wide, y + 0.1 * size)))
    return found


places = st.tuples(st.floats(31, 31.6), st.floats(121, 121.6))


@settings(deadline=None, max_examples=25)
@given(st.lists(places, min_size=1, max_size=9), st.integers(1, 3), st.sampled_from(["rules", "cost"]))
def test_no_text_lies_over_another_or_outside(
    where: list[tuple[float, float]], pieces: int, strategy: str
) -> None:
    sites = [site(id, {1: 1}, at) for id, at in enumerate(where, 1)]
    wanted = min(pieces, len(sites))
    goal = Destination(latitude=31.3, longitude=121.3, city="上海市")
    plan = made(sites, {1: wanted}, destination=goal, strategy=strategy)
    named = {id: Spot(f"店小二·第{id}人民广场旗舰店", *at) for id, at in enumerate(where, 1)}
    shown = texts(picture(plan, named))
    assert [pair for pair in combinations(shown, 2) if pair[0][1].meets(pair[1][1])] == []
    assert all(box.left >= 0 and box.right <= 390 for _, box in shown)


def test_the_picture_says_who_sends_what_where_and_why() -> None:
    sites = [
        site(1, {1: 1}, (31.3, 121.1)),
        site(2, {2: 2}, (39.4, 117.0)),
        site(3, {1: 9}, (30.2, 120.1), ships=False),
    ]
    plan = made(sites, {1: 1, 2: 2})
    said = [text for text, _ in texts(picture(plan, spots(sites)))]
    for expected in ("送往武汉市 · 2 个包裹，3 件", "1 件", "2 件", "1号", "2号", "武汉市", "不发快递：3号"):
        assert expected in said
    words = described(plan, spots(sites))
    assert "2号发 2 件，相距" in words
    assert "先在“" in words or "只有" in words
    root = ElementTree.fromstring(picture(plan, spots(sites)))
    desc = root.find(f"{SVG}desc")
    assert desc is not None
    assert desc.text == words
    assert root.attrib["role"] == "img"
    assert root.find(f".//{SVG}script") is None


def test_a_plan_to_an_unknown_place_is_drawn_without_ways() -> None:
    sites = [site(1, {1: 1})]
    svg = picture(made(sites, {1: 1}, destination=Destination(city="虚构市")), spots(sites))
    assert "送往虚构市" in svg
    assert "公里" in svg
    assert "相距" not in svg


def test_a_location_that_is_gone_and_a_wild_name_do_no_harm() -> None:
    sites = [site(1, {1: 1}), site(2, {2: 1})]
    plan = made(sites, {1: 1, 2: 1})
    svg = picture(plan, {2: Spot('<script>"&', 31.2, 121.4)})
    ElementTree.fromstring(svg)
    assert "<script" not in svg
    assert "1号发 1 件" in svg


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200)), min_size=1, max_size=8))
def test_circles_stand_apart_inside_their_box(points: list[tuple[float, float]]) -> None:
    box = Box(0, 0, 300, 200)
    placed = apart(points, [12.0] * len(points), box)
    assert all(12 <= x <= 288 and 12 <= y <= 188 for x, y in placed)
    nearest = min((hypot(a - c, b - d) for (a, b), (c, d) in combinations(placed, 2)), default=99)
    assert nearest > 20


@given(st.lists(places, min_size=1, max_size=6))
def test_a_projection_shows_every_point(points: list[tuple[float, float]]) -> None:
    projection = fitted(points, MAP, 20)
    for point in points:
        x, y = projection.at(*point)
        assert MAP.left + 19 <= x <= MAP.right - 19
        assert MAP.top + 19 <= y <= MAP.bottom - 19


def test_a_text_finds_the_nearest_free_place_or_none() -> None:
    box = Box(0, 0, 100, 100)
    assert beside(50, 50, 5, 20, 10, [], box) == Box(59, 45, 79, 55)
    assert beside(50, 50, 5, 20, 10, [Box(55, 0, 100, 100)], box) == Box(21, 45, 41, 55)
    assert beside(50, 50, 5, 20, 10, [box], box) is None
    assert [round_km(km) for km in (0.01, 0.7, 3, 9.9, 1234)] == [0.1, 0.5, 2, 5, 1000]


@pytest.mark.parametrize("strategy", ["rules", "cost"])
def test_the_chosen_are_marked_in_the_ranks(strategy: str) -> None:
    sites = [site(1, {1: 2}), site(2, {1: 2}, (36, 117))]
    svg = picture(made(sites, {1: 1}, strategy=strategy), spots(sites))
    assert svg.count("#f7e3d2") == 1
