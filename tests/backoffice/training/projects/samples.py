"""A project written by hand in every spelling that Rasa 3 takes."""

NLU = r"""
version: "3.1"
# shoppers say
nlu:
- intent: greet  # the first
  examples: |
    - 你好
    -没有空格
    -   three blanks before
    # passed over by Rasa

    - - z
    - : x
    - # y
    - yes
    - 1e3
    - null
    - "quoted" 'too' \ \n
    - ends with a brace }
    - [x] and [y
    - 🧥 [羽绒服](product) 有[黑](colour:黑色)的吗
    - 从[上海]{"entity": "city", "role": "from"}到[北京]{"entity": "city", "role": "to", "value": "BJ"}
    - [1]{"entity": "no", "group": "a", "value": 1} [x][{"entity": "a"}, {"entity": "b", "value": "\u002f"}]
- intent: yes
  examples: "- on\n- off\n"
- intent: greet
  metadata: {sentiment: neutral, since: 2024-01-01}
  unknown: [1, 1.0, true, null]
  examples:
  - text: |
      hi
    metadata:
      from: review
  - text: "two\nlines"
  - text: ' [red](colour) '
    seen: 3
- intent: faq/hours
  examples: >
    - when do you open

    - 几点开门
- intent: faq/place
  examples: |
    - where are you
- intent: empty
- synonym: 黑色
  examples: |
    - 黑
    - black
- synonym: yes
  examples: |
    - yep
- regex: number
  examples: |
    - [0-9]{1,3}
    - [\u4e00-\u9fff]+\d # 5
- lookup: colour
  examples: |
    - 红
    - 012
    - ~
- something: else
  examples: |
    - kept
responses:
  utter_faq/hours:
  - text: 早上九点
  utter_faq/place:
  - text: here
later: {kept: [1, 2]}
""".lstrip()

ESCAPED = r"""
version: "3.1"
nlu:
- intent: greet
  examples: |
    - \u4f60\u597d \ud83e\udde5
    - \\u4f60
- lookup: shop_word
  examples: |
    - \u5355\u53f7
""".lstrip()

DOMAIN = """
version: "3.1"
intents:
- greet: {use_entities: []}
- yes
- faq:
    is_retrieval_intent: true
- bye:
    ignore_entities:
    - city
entities:
- colour
- city:
    roles: [from, to]
    groups: ["1", "2"]
slots:
  intent:
    type: text
    initial_value: greet
    mappings:
    - type: from_intent
      intent: greet
      not_intent: [yes, bye]
      value: true
  number: {type: float, influence_conversation: false, mappings: [{type: from_entity, entity: number}]}
forms:
  ask_form:
    ignored_intents: greet
    required_slots:
    - number
actions:
- action_hello
- utter_faq
- action_all: {send_domain: true}
responses:
  utter_greet:
  - text: "hello {name}"
    id: r1
    channel: web
    condition:
    - {type: slot, name: number, value: 1}
    buttons:
    - {title: yes, payload: '/yes'}
    - {title: hi, payload: '/greet{"name": "x"}'}
    - {title: hours, payload: /faq/hours}
    image: https://example.com/a.png
    custom: {payload: "/greet", card: [1]}
    metadata: {rephrase: true}
    button_type: vertical
  - text: |
      two
      lines
session_config:
  session_expiration_time: 60
  carry_over_slots_to_new_session: true
e2e_actions: []
""".lstrip()

STORIES = """
version: "3.1"
stories:
- story: all kinds of steps
  metadata: {author: me}
  steps:
  - checkpoint: start
    slot_was_set:
    - number: 1
  - or:
    - intent: greet
    - intent: faq
  - action: utter_faq
  - intent: greet
    entities:
    - city: 北京
      role: from
    - colour
  - slot_was_set:
    - intent: greet
    - number
  - active_loop: ask_form
  - active_loop: null
  - user: |
      去[北京](city)
    intent: greet
  - user: '/greet{"city": "x"}'
  - bot: hello
  - action: utter_greet
  - checkpoint: end
""".lstrip()

RULES = """
version: "3.1"
rules:
- rule: hello
  conversation_start: true
  wait_for_user_input: false
  condition:
  - slot_was_set:
    - number: null
  steps:
  - intent: greet
  - action: utter_greet
""".lstrip()

CONFIG = """
language: zh
pipeline:
- name: ResponseSelector
  retrieval_intent: faq
policies: []
""".lstrip()

FILES = {
    "data/nlu.yml": NLU,
    "data/escaped.yaml": ESCAPED,
    "data/stories.yml": STORIES,
    "data/rules.yml": RULES,
    "domain.yml": DOMAIN,
    "config.yml": CONFIG,
    "README.md": "nlu: [ is no YAML here",
    "data/empty.yml": "# nothing\n",
}
