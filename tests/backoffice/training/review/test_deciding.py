"""One decision settles twenty; rivals, taking back, and what becomes an example."""

import asyncio
from collections.abc import Sequence

import pytest

from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.training.datasets import service as datasets
from backoffice.training.datasets.domain import Editor, Labelled
from backoffice.training.datasets.soundness import plain
from backoffice.training.projects.markup import Span
from backoffice.training.projects.views import intents
from backoffice.training.review import deciding, service
from backoffice.training.review.models import ReviewCandidate
from backoffice.training.review.schemas import Verdict
from tests.backoffice.training.review.talks import ANNA, BEN, candidates, check_counts, does, sees

Queue = Sequence[ReviewCandidate]
TRADE_IN, OUTSIDE = Verdict("label", "exchange_request"), Verdict("outside", "out_of_scope")


def ids(found: Queue) -> list[int]:
    return [each.id for each in found]


async def states(database: Database) -> list[str]:
    return [each.state for each in await candidates(database)]


async def test_one_decision_settles_a_group_but_those_left_out(database: Database, queue: Queue) -> None:
    decision = await does(database, deciding.decide, ANNA, ids(queue[:19]), TRADE_IN)
    found = await candidates(database)
    assert [each.decision_id for each in sorted(found, key=lambda each: "以旧" not in each.text)] == [
        *[decision] * 19,
        *[None] * 3,
    ]
    group = await sees(database, service.group, queue[0].group_id)
    assert (group.ids, group.row.label) == ([queue[19].id], "exchange_request")
    counts = await sees(database, service.counts)
    assert (counts.left, counts.labelled, counts.ready) == (1, 19, 19)
    await check_counts(database)


async def test_of_two_who_decide_at_once_one_is_told_who_was_faster(database: Database, queue: Queue) -> None:
    wanted = ids(queue[:20])

    async def rival(staff_id: int, which: list[int]) -> int | Conflict:
        try:
            return int(await does(database, deciding.decide, staff_id, which, TRADE_IN))
        except Conflict as conflict:
            return conflict

    outcomes = await asyncio.gather(rival(ANNA, wanted), rival(BEN, wanted[::-1]), rival(BEN, wanted[5:]))
    (won,) = [each for each in outcomes if isinstance(each, int)]
    lost = [each for each in outcomes if isinstance(each, Conflict)]
    assert {each.code for each in lost} == {"already_decided"}
    by = "安娜" if isinstance(outcomes[0], int) else "小本"
    assert {each.extra["by"] for each in lost} == {by}
    settled = [each for each in await candidates(database) if each.state == "decided"]
    assert {each.decision_id for each in settled} == {won}
    await check_counts(database)


async def test_nothing_is_half_decided(database: Database, queue: Queue) -> None:
    await does(database, deciding.decide, ANNA, [queue[3].id], TRADE_IN)
    with pytest.raises(Conflict, match="安娜"):
        await does(database, deciding.decide, BEN, ids(queue[:20]), OUTSIDE)
    assert (await states(database)).count("decided") == 1
    for verdict in (
        Verdict("label", "no_such_intent"),
        Verdict("label", "nlu_fallback"),
        Verdict("two", "exchange_request", "exchange_request"),
        Verdict("label"),
    ):
        with pytest.raises(Invalid, match="bad_verdict"):
            await sees(database, deciding.checked, verdict)
    for given, kept in (
        (Verdict("label", "out_of_scope"), OUTSIDE),
        (Verdict("outside"), OUTSIDE),
        (Verdict("skip", "greet"), Verdict("skip")),
        (Verdict("label", "greet", "thanks"), Verdict("label", "greet")),
    ):
        assert await sees(database, deciding.checked, given) == kept
    with pytest.raises(NotFound):
        await does(database, deciding.decide, ANNA, [queue[0].id, 10**9], TRADE_IN)
    with pytest.raises(Invalid):
        await does(database, deciding.decide, ANNA, [], TRADE_IN)
    await check_counts(database)


async def test_undo_has_them_wait_again(database: Database, queue: Queue) -> None:
    first = await does(database, deciding.decide, ANNA, ids(queue[:10]), TRADE_IN)
    await does(database, deciding.decide, ANNA, ids(queue[10:20]), Verdict("skip"))
    assert (await sees(database, service.counts)).left == 0
    with pytest.raises(Conflict, match="cannot_undo"):
        await does(database, deciding.undo, BEN, first)
    again = await asyncio.gather(
        *(does(database, deciding.undo_last, ANNA) for _ in range(3)), return_exceptions=True
    )
    assert queue[0].group_id in again
    while (await sees(database, service.counts)).left < 20:
        await does(database, deciding.undo_last, ANNA)
    assert (await sees(database, service.group, queue[0].group_id)).row.label == ""
    with pytest.raises(NotFound, match="nothing_to_undo"):
        await does(database, deciding.undo_last, ANNA)
    assert set(await states(database)) == {"open"}
    await check_counts(database)


async def test_labels_become_examples_once_with_who_and_why(database: Database, queue: Queue) -> None:
    address, other = sorted(queue[20:], key=lambda each: "文三路" not in each.text)
    start = address.text.index("文三路")
    spans = {address.id: [Span(start, start + 3, "place")]}
    await does(database, deciding.decide, ANNA, ids(queue[:19]), TRADE_IN)
    moved = Verdict("label", "modify_address")
    await does(database, deciding.decide, ANNA, [address.id], moved, spans=spans)
    both = Verdict("two", "invoice_request", "member_points")
    await does(database, deciding.decide, BEN, [other.id], both)
    gone = await does(database, deciding.decide, BEN, ids(queue[19:20]), Verdict("label", "no_more"))
    brought = await asyncio.gather(
        *(does(database, deciding.add_to_training, ANNA, "上周复核") for _ in range(3))
    )
    assert sorted(each.examples for each in brought) == [0, 0, 20]
    head = await sees(database, datasets.head)
    held = {name: {each.marked for each in intent.examples} for name, intent in intents(head.project).items()}
    assert {each.text for each in queue[:19]} <= held["exchange_request"]
    assert "送到[文三路](place)0000，电话15400001234" in held["modify_address"]
    assert not any(other.text in marked for marked in held.values())
    counts = await sees(database, service.counts)
    assert (counts.examples, counts.ready) == (20, 1)
    await does(database, deciding.undo, BEN, gone)
    with pytest.raises(NotFound):
        await does(database, deciding.undo_last, ANNA)
    with pytest.raises(Conflict, match="cannot_undo"):
        await does(database, deciding.undo, ANNA, 1)


async def test_entities_must_lie_in_the_text(database: Database, queue: Queue) -> None:
    for span in (Span(0, 999, "product"), Span(2, 2, "product")):
        with pytest.raises(Invalid, match="bad_entities"):
            await does(database, deciding.decide, ANNA, [queue[0].id], TRADE_IN, spans={queue[0].id: [span]})
    assert set(await states(database)) == {"open"}


async def test_a_sentence_of_another_intent_is_left_out(database: Database, queue: Queue) -> None:
    same = queue[0].text
    async with database.write() as session:
        editor = Editor(ANNA, "先有的")
        await datasets.add_examples(session, editor, [Labelled("member_points", f"{same}！")])
    await does(database, deciding.decide, ANNA, ids(queue[:3]), TRADE_IN)
    brought = await does(database, deciding.add_to_training, ANNA, "上周复核")
    assert (brought.decisions, brought.elsewhere) == (1, 1)
    head = await sees(database, datasets.head)
    assert head.owners[plain(same)] == "member_points"
    assert brought.examples == len({each.text for each in queue[:3]} - {same})
