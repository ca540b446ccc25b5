"""Training data from which a model is made within seconds."""

from collections.abc import Mapping

from backoffice.kit.database import Database
from backoffice.training.datasets import repository
from backoffice.training.datasets.domain import hashes_of

NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - 你好
    - 在吗
    - 您好呀
    - 哈喽
    - 早上好
    - 有人吗
- intent: invoice_request
  examples: |
    - 帮我开张发票
    - 我要开发票
    - 发票怎么开
    - 能开电子发票吗
    - 开个票
    - 发票抬头写公司
- intent: out_of_scope
  examples: |
    - 明天下雨吗
    - 讲个笑话
    - 股票涨了没
    - 帮我写作业
    - 世界杯谁赢了
    - 推荐一部电影
"""
DOMAIN = """\
version: "3.1"
intents: [greet, invoice_request, out_of_scope]
responses:
  utter_greet: [{text: 您好}]
  utter_invoice: [{text: 好的，为您开票}]
  utter_outside: [{text: 这个我不会}]
"""
RULES = """\
version: "3.1"
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: invoice
  steps: [{intent: invoice_request}, {action: utter_invoice}]
- rule: outside
  steps: [{intent: out_of_scope}, {action: utter_outside}]
"""
STORY = """\
version: "3.1"
stories:
- story: an invoice after a greeting
  steps:
  - intent: greet
  - action: utter_greet
  - user: 帮我开张发票
    intent: invoice_request
  - action: utter_invoice
"""
FILES = {
    "nlu_data/talk.yml": NLU,
    "bot/domain/talk.yml": DOMAIN,
    "bot/rules/talk.yml": RULES,
    "tests/stories/test_talk.yml": STORY,
}


async def store(database: Database, number: int, files: Mapping[str, str] = FILES) -> None:
    """Make it the revision of that number, as it is."""
    hashes = hashes_of(files)
    async with database.write() as session:
        assert await repository.claim(session, number, why="", changes={}, files=hashes)
        await repository.keep(session, {hashes[path]: text for path, text in files.items()})
