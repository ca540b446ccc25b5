"""Twenty shoppers who ask for something new, and a few who ask for what the bot knows."""

from collections.abc import Sequence

import pytest

from backoffice.kit.database import Database
from backoffice.reviewing import Reviewing
from backoffice.training.review.models import ReviewCandidate
from tests.backoffice.training.review.talks import Talking, candidates, hire, reading

LOST = reading("nlu_fallback", ranking=(("nlu_fallback", 0.3), ("exchange_request", 0.19), ("greet", 0.02)))
TAILS = ("", "呀", "呢", "啊", "吗", "嘛", "哦", "谢谢", "请问", "亲")


@pytest.fixture
async def queue(database: Database) -> Sequence[ReviewCandidate]:
    """The candidates: the first 20 of one group, then two others."""
    await hire(database)
    for n in range(20):
        text = f"以旧换新{'怎么弄' if n < 10 else '怎么办理'}{TAILS[n % 10]}"
        await Talking(database, f"s{n:02}").say(text, LOST)
    await Talking(database, "t1").say("送到文三路90号3幢502，电话15400001234", reading("modify_address"))
    await Talking(database, "t2").say("发票和积分怎么弄", reading("invoice_request"))
    reviewing = Reviewing(database)
    await reviewing.sweep()
    found = sorted(await candidates(database), key=lambda each: "以旧" not in each.text)
    assert len({each.group_id for each in found[:20]}) == 1
    return found
