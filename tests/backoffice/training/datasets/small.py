"""A small project in the manner of the shop's, with an intent that the shop made: trade_in."""

from backoffice.training.datasets.domain import Dataset
from backoffice.training.projects.rasa_yaml import read

FILES = {
    "nlu_data/order.yml": """
version: "3.1"
nlu:
- intent: order_status
  examples: |
    - 订单到哪了
    - 我的单子呢
- intent: thanks
  examples: |
    - 谢谢
    - 多谢
- synonym: 黑色
  examples: |
    - 黑
- lookup: colour
  examples: |
    - 红
    - 黑
""".lstrip(),
    "nlu_data/shop.yml": """
version: "3.1"
nlu:
- intent: trade_in
  examples: |
    - 以旧换新怎么弄
    - 旧手机能抵钱吗
- intent: old_goods
  examples: |
    - 旧家电收不收
""".lstrip(),
    "bot/domain/domain.yml": """
version: "3.1"
intents:
- order_status: {use_entities: []}
- thanks
- nlu_fallback
actions:
- action_order_status
- action_thanks
responses:
  utter_menu:
  - text: 想问什么
    buttons:
    - {title: 订单, payload: /order_status}
    - {title: 换新, payload: '/trade_in{"kind": "phone"}'}
""".lstrip(),
    "bot/domain/shop.yml": """
version: "3.1"
intents:
- trade_in: {use_entities: []}
- old_goods: {use_entities: []}
""".lstrip(),
    "bot/domain/responses/shop.yml": """
version: "3.1"
responses:
  utter_trade_in:
  - text: 旧机可以抵钱
  utter_old_goods:
  - text: 旧家电都收
""".lstrip(),
    "bot/rules/all.yml": """
version: "3.1"
rules:
- rule: order status
  steps:
  - intent: order_status
  - action: action_order_status
- rule: thanks
  steps:
  - intent: thanks
  - action: action_thanks
""".lstrip(),
    "bot/rules/shop.yml": """
version: "3.1"
rules:
- rule: trade in
  steps:
  - intent: trade_in
  - action: utter_trade_in
- rule: old goods
  steps:
  - intent: old_goods
  - action: utter_old_goods
""".lstrip(),
    "tests/stories/test_shop.yml": """
version: "3.1"
stories:
- story: thanks
  steps:
  - intent: thanks
  - action: action_thanks
- story: old goods, then thanks
  steps:
  - user: 旧家电收不收
    intent: old_goods
  - action: utter_old_goods
  - intent: thanks
  - action: action_thanks
""".lstrip(),
}
SMALL = Dataset(1, FILES, read(FILES))
