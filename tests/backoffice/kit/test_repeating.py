from structlog.testing import capture_logs

from backoffice.kit.repeating import each_of


async def test_what_cannot_be_done_stops_no_others() -> None:
    done = []

    async def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        done.append(number)
        return number

    with capture_logs() as logs:
        assert await each_of([1, 2, 3], work, "not_done") == 4
    assert done == [1, 3]
    assert [(each["event"], each["item"]) for each in logs] == [("not_done", "2")]
