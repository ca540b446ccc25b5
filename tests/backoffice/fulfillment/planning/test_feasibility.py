from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.fulfillment.planning.deciding import assess, decide
from backoffice.fulfillment.planning.feasibility import Candidate, leaves_on
from backoffice.fulfillment.planning.schemas import Barred, CalendarTerms, Destination
from backoffice.kit.geo import inside
from tests.backoffice.fulfillment.planned import SHANGHAI, TUESDAY_NOON, profile, request, site

AFTER_CUT_OFF = TUESDAY_NOON + timedelta(hours=5)
FAR = (43.8, 87.6)
SQUARE = [(31.0, 121.0), (31.0, 122.0), (32.0, 122.0), (32.0, 121.0)]


def judged(made, promise: str, moment: datetime = TUESDAY_NOON, **asked: object) -> object:  # type: ignore[no-untyped-def]
    wanted = request({1: 1}, promise, **asked)
    found = assess(made, wanted, {1: 1}, profile(promise=promise), moment)
    return found if isinstance(found, str) else "feasible"


@pytest.mark.parametrize(
    ("made", "promise", "expected"),
    [
        (site(1, {1: 1}), "standard", "feasible"),
        (site(1, {1: 1}, ships=False), "standard", "does_not_ship"),
        (site(1, {2: 1}), "standard", "no_stock"),
        (site(1, {1: 1}, calendar=CalendarTerms(weekdays=[])), "standard", "never_works"),
        (site(1, {1: 1}, FAR), "standard", "feasible"),
        (site(1, {1: 1}, FAR), "next_day", "too_far"),
        (site(1, {1: 1}, calendar=CalendarTerms(weekdays=[3])), "next_day", "cut_off_passed"),
        (site(1, {1: 1}), "instant", "no_instant"),
        (site(1, {1: 1}, instant=True, radius_km=3), "instant", "feasible"),
        (site(1, {1: 1}, (31.3, 121.47), instant=True, radius_km=3), "instant", "out_of_area"),
        (site(1, {1: 1}, instant=True), "instant", "out_of_area"),
        (site(1, {1: 1}, FAR, instant=True, radius_km=1, area=SQUARE), "instant", "feasible"),
        (site(1, {1: 1}, instant=True, radius_km=99, area=SQUARE[:3]), "instant", "feasible"),
        (site(1, {1: 1}, instant=True, radius_km=9, hours="13:00-22:00"), "instant", "closed"),
        (site(1, {1: 1}, instant=True, radius_km=9, hours="09:00-12:10"), "instant", "closed"),
        (site(1, {1: 1}, instant=True, radius_km=9, hours="18:00-12:30"), "instant", "feasible"),
        (site(1, {1: 1}, instant=True, radius_km=9, taken=5, most=5), "instant", "full"),
        (site(1, {1: 1}, instant=True, radius_km=9, taken=4, most=5), "instant", "feasible"),
    ],
)
def test_what_keeps_a_location_from_a_promise(made: object, promise: str, expected: str) -> None:
    assert judged(made, promise) == expected


def test_the_next_day_is_promised_until_the_cut_off() -> None:
    made = site(1, {1: 1})
    assert judged(made, "next_day", AFTER_CUT_OFF - timedelta(seconds=1)) == "feasible"
    assert judged(made, "next_day", AFTER_CUT_OFF) == "cut_off_passed"
    assert judged(made, "standard", AFTER_CUT_OFF) == "feasible"


def test_an_unknown_place_gets_only_what_needs_no_way() -> None:
    nowhere = Destination()
    made = site(1, {1: 1}, instant=True, radius_km=9)
    assert judged(made, "standard", destination=nowhere) == "feasible"
    assert judged(made, "next_day", destination=nowhere) == "place_unknown"
    assert judged(made, "instant", destination=nowhere) == "place_unknown"
    assert judged(made, "store_pickup", destination=nowhere, store_id=1) == "feasible"


def test_what_is_barred_is_not_asked() -> None:
    made = site(1, {1: 1, 2: 1})
    assert judged(made, "standard", barred=[Barred(location_id=1)]) == "barred"
    assert judged(made, "standard", barred=[Barred(location_id=1, sku_id=1)]) == "no_stock"
    assert judged(made, "standard", barred=[Barred(location_id=1, sku_id=2)]) == "feasible"
    assert judged(made, "standard", barred=[Barred(location_id=2)]) == "feasible"


def test_a_parcel_leaves_on_the_next_working_day() -> None:
    golden_week = {date(2026, 10, day): False for day in range(1, 8)} | {date(2026, 10, 10): True}
    calendar = CalendarTerms(weekdays=[1, 2, 3, 4, 5], cut_off="16:30", days=golden_week)

    def leaves(day: int, hour: int, minute: int = 0, month: int = 10) -> date | None:
        return leaves_on(calendar, datetime(2026, month, day, hour - 8, minute, tzinfo=UTC))

    assert leaves(30, 16, 29, month=9) == date(2026, 9, 30)
    assert leaves(30, 16, 30, month=9) == date(2026, 10, 8)
    assert leaves(9, 20) == date(2026, 10, 10)
    assert leaves(10, 17) == date(2026, 10, 12)
    assert leaves_on(CalendarTerms(weekdays=[]), TUESDAY_NOON) is None


def test_the_day_is_the_shops() -> None:
    just_after_midnight = datetime(2026, 12, 1, 16, 30, tzinfo=UTC)
    assert leaves_on(CalendarTerms(), just_after_midnight) == date(2026, 12, 2)


def test_an_instant_delivery_states_when_it_comes() -> None:
    made = site(1, {1: 1}, (31.257, 121.47), instant=True, radius_km=9, prepare_minutes=20)
    plan = decide([made], request({1: 1}, "instant"), profile(promise="instant"), TUESDAY_NOON)
    (parcel,) = plan.parcels
    assert parcel.distance_km == pytest.approx(3.0, abs=0.1)
    assert parcel.eta_minutes == 34
    assert parcel.arrives_to == date(2026, 12, 1)


def test_a_pickup_is_from_the_chosen_store_and_whole() -> None:
    stores = [site(1, {1: 1}), site(2, {1: 5, 2: 5})]
    wanted = request({1: 1, 2: 2}, "store_pickup", store_id=1)
    refused = decide(stores, wanted, profile(promise="store_pickup"), TUESDAY_NOON)
    assert refused.parcels == []
    assert refused.refusal
    assert refused.refusal.code == "not_deliverable"
    (line,) = refused.refusal.short
    assert (line.sku_id, line.wanted, line.available, line.elsewhere) == (2, 2, 0, 5)
    made = decide(
        stores, wanted.model_copy(update={"store_id": 2}), profile(promise="store_pickup"), TUESDAY_NOON
    )
    assert made.picks == [(2, 1, 1), (2, 2, 2)]


def test_an_instant_order_comes_from_one_store() -> None:
    stores = [site(id, {id: 3}, instant=True, radius_km=9) for id in (1, 2)]
    plan = decide(stores, request({1: 1, 2: 1}, "instant"), profile(promise="instant"), TUESDAY_NOON)
    assert plan.refusal
    assert plan.refusal.code == "split_limit"
    assert [(line.sku_id, line.available, line.elsewhere) for line in plan.refusal.short] == [(2, 0, 3)]


def test_the_border_belongs_to_the_area() -> None:
    for corner in SQUARE:
        assert inside(*corner, SQUARE)
    assert inside(31.5, 121.0, SQUARE)
    assert inside(32.0, 121.7, SQUARE)
    assert not inside(31.5, 120.9999999, SQUARE)
    assert not inside(32.0000001, 121.5, SQUARE)
    notched = [(0, 0), (0, 4), (4, 4), (2, 2), (4, 0)]
    assert inside(2, 2, notched)
    assert inside(1, 2, notched)
    assert not inside(3, 2, notched)
    assert not inside(2, -1, notched)
    assert not inside(0, 5, notched)


@given(st.floats(-1, 3), st.floats(-1, 3), st.integers(0, 3), st.booleans())
def test_an_area_is_the_same_from_every_corner_and_either_way(
    latitude: float, longitude: float, start: int, turned: bool
) -> None:
    square = [(0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (2.0, 0.0)]
    around = square[start:] + square[:start]
    expected = 0 <= latitude <= 2 and 0 <= longitude <= 2
    assert inside(latitude, longitude, around[::-1] if turned else around) == expected


def test_a_candidate_keeps_only_what_may_be_asked() -> None:
    wanted = request({1: 1, 2: 1}, barred=[Barred(location_id=1, sku_id=2)])
    found = assess(site(1, {1: 1, 2: 1}), wanted, {1: 1, 2: 1}, profile(), TUESDAY_NOON)
    assert isinstance(found, Candidate)
    assert found.site.free == {1: 1}
    assert wanted.destination == SHANGHAI
