"""Each replacement of `bot.lean` is in force, does what Rasa does, and still fits this Rasa."""

import asyncio
import gc
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
import rasa
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import ValidationError
from rasa.core.actions import action
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema, SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.shared.core.domain import Domain
from rasa.shared.nlu.training_data import training_data
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.utils.endpoints import EndpointConfig

ROOT = Path(__file__).parents[2]
GOOD = {"events": [{"event": "slot", "name": "a", "value": 1}], "responses": [{"text": "hi"}]}
BAD = [
    {"events": "none"},
    {"responses": "none"},
    {"events": [{"name": "without an event"}]},
    [],
]
JUDGE = """
import json, sys
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
def judge(answer):
    try:
        return RemoteAction._validate_action_result(RemoteAction("act", None), answer)
    except ValidationError:
        return False
print(json.dumps([judge(answer) for answer in json.loads(sys.argv[1])]))
"""


def other_process(*arguments: str) -> str:
    """What a Python of this environment says, on its standard output."""
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_the_patches_were_written_for_this_rasa() -> None:
    assert rasa.__version__ == "3.6.21"


def test_an_answer_is_judged_as_rasa_judges_it() -> None:
    from bot.lean import answers

    assert RemoteAction._validate_action_result is answers.validate_action_result
    given = [GOOD, *BAD]
    unpatched = json.loads(other_process("-c", JUDGE, json.dumps(given)))

    def judge(answer: object) -> bool:
        try:
            return RemoteAction._validate_action_result(RemoteAction("act", None), answer)
        except ValidationError:
            return False

    assert [judge(answer) for answer in given] == unpatched
    assert unpatched[0] is True
    assert False in unpatched


def test_rasa_still_asks_the_function_that_is_replaced() -> None:
    assert "self._validate_action_result(response)" in inspect.getsource(RemoteAction.run)
    with pytest.raises(ValidationError):
        RemoteAction._validate_action_result(RemoteAction("act", None), {"events": "none"})


def test_the_calls_of_an_endpoint_share_a_connection() -> None:
    from bot.lean import sessions

    assert "async with self.session() as session" in inspect.getsource(EndpointConfig.request)
    assert EndpointConfig.session is sessions.kept_session
    seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.transport)
        return web.json_response(await request.json())

    async def call_three_times() -> None:
        app = web.Application()
        app.router.add_post("/webhook", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        endpoint = EndpointConfig(f"http://127.0.0.1:{port}/webhook")
        for number in range(3):
            assert await endpoint.request(json={"number": number}) == {"number": number}
        _, session = endpoint._kept
        await session.close()
        assert await endpoint.request(json={}) == {}
        await endpoint._kept[1].close()
        await runner.cleanup()

    asyncio.run(call_three_times())
    assert len(seen) == 4
    assert len(set(map(id, seen[:3]))) == 1


class Adding(GraphComponent):
    @classmethod
    def create(cls, config, model_storage, resource, execution_context):
        return cls()

    def one(self, given: int) -> int:
        return given + 1

    def both(self, left: int, right: int) -> int:
        return left + right


def runner(folder: Path) -> DaskGraphRunner:
    """first = input + 1, second = first + 1, sum = first + second; unused = input + 1."""

    def node(fn: str, **needs: str) -> SchemaNode:
        return SchemaNode(needs, Adding, "create", fn, {}, eager=True, is_target=fn == "both")

    nodes = {
        "sum": node("both", left="first", right="second"),
        "second": node("one", given="first"),
        "first": node("one", given="input"),
        "unused": node("one", given="input"),
    }
    schema = GraphSchema(nodes)
    return DaskGraphRunner.create(schema, LocalModelStorage(folder), ExecutionContext(schema, "model"))


def test_a_graph_gives_what_it_gave_under_dask(tmp_path: Path) -> None:
    from bot.lean import graph

    assert DaskGraphRunner.run is graph.run
    assert "dask.get(run_graph, run_targets)" in inspect.getsource(graph.run_by_dask)
    adding = runner(tmp_path)
    for value, targets in ((1, None), (5, ["second", "first"]), (1, ["sum", "unused"]), (0, [])):
        expected = graph.run_by_dask(adding, {"input": value}, targets)
        assert adding.run({"input": value}, targets) == expected
        assert list(adding.run({"input": value}, targets)) == list(expected)
    for run in (graph.run_by_dask, DaskGraphRunner.run):
        with pytest.raises(GraphRunError, match="first"):
            run(adding, {}, ["second"])


def test_each_node_is_run_once_and_only_when_needed(tmp_path: Path) -> None:
    from bot.lean.graph import in_order

    assert in_order(runner(tmp_path)._graph_schema, ["sum"]) == ["first", "second", "sum"]


def test_merged_sentences_are_the_sentences_themselves() -> None:
    from bot.lean import merging

    assert training_data.copy is merging.training_data.copy
    assert inspect.getsource(training_data).count("copy.deepcopy(") == 7
    assert inspect.getsource(TrainingData.merge).count("copy.deepcopy(") == 7
    one = TrainingData([Message.build("in the morning", "when"), Message.build("at night", "when")])
    other = TrainingData([Message.build("at night", "when"), Message.build("in town", "where")])
    one.regex_features, other.regex_features = (
        [{"name": "a", "pattern": "a"}],
        [{"name": "b", "pattern": "b"}],
    )
    merged = one.merge(other)
    assert [message.get("text") for message in merged.training_examples] == [
        "in the morning",
        "at night",
        "in town",
    ]
    assert merged.training_examples[0] is one.training_examples[0]
    assert [len(data.regex_features) for data in (one, other, merged)] == [1, 1, 2]
    assert len(one.training_examples) == 2


def test_what_is_loaded_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.lean import collecting

    loaded = []
    monkeypatch.setattr(collecting, "load_model", lambda self, path: loaded.append(path))
    try:
        collecting.load_and_set_aside(Agent(), "model")
        assert loaded == ["model"]
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
    assert Agent.load_model is collecting.load_and_set_aside
    assert "agent.load_model(model_path)" in inspect.getsource(sys.modules["rasa.core.agent"])


LOADED = """
import sys
from bot.lean import stand_ins
stand_ins.install()
import rasa.__main__, rasa.core.run, rasa.server, rasa.model_training, bot.lean.patches
from rasa.core.channels import BUILTIN_CHANNELS
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
heavy = {"tensorflow", "keras", "sklearn", "matplotlib", "dask.core", "boto3.session", "pymongo.collection"}
assert not heavy & {name for name, module in sys.modules.items() if not isinstance(module, stand_ins.StandIn)}
assert "rest" in BUILTIN_CHANNELS
names = DefaultV1Recipe._from_registry("RulePolicy"), DefaultV1Recipe._from_registry("FallbackClassifier")
for name in stand_ins.UNUSED:
    assert isinstance(__import__(name, fromlist=["x"]), stand_ins.StandIn), name
try:
    DefaultV1Recipe._from_registry("DIETClassifier")
except Exception as error:
    print(type(error).__name__)
try:
    from rasa.core.channels.slack import SlackInput
    SlackInput.from_credentials({})
except (AttributeError, ImportError) as error:
    print(type(error).__name__)
"""


def test_the_lean_process_loads_no_net_and_refuses_what_needs_one() -> None:
    assert other_process("-c", LOADED).split() == ["InvalidConfigException", "AttributeError"]


def test_every_stand_in_stands_for_a_module_that_is_there() -> None:
    from importlib.util import find_spec

    from bot.lean import stand_ins

    assert [name for name in sorted(stand_ins.UNUSED) if find_spec(name) is None] == []


@pytest.mark.parametrize("command", ["run", "train"])
def test_the_command_line_is_that_of_rasa(command: str) -> None:
    lean = other_process("-m", "bot.lean", command, "--help")
    assert lean == other_process("-m", "rasa", command, "--help").replace("__main__.py", "rasa")


def test_the_rules_that_fit_are_those_that_fitted() -> None:

    from bot.lean import rules

    assert RulePolicy._get_possible_keys is rules.possible_keys
    assert "for i, state in enumerate(reversed(states))" in inspect.getsource(rules.rasas_possible_keys)
    names = st.sampled_from(["action_listen", "act", "..."])
    state = st.fixed_dictionaries(
        {},
        optional={
            "prev_action": st.fixed_dictionaries({"action_name": names}),
            "user": st.fixed_dictionaries({"intent": st.sampled_from(["ask", "tell"])}),
            "slots": st.fixed_dictionaries({"place": st.sampled_from(["should_not_be_set", (1.0,)])}),
        },
    )
    policy = RulePolicy.__new__(RulePolicy)

    @given(st.lists(st.lists(state, min_size=1, max_size=3), max_size=4), st.lists(state, max_size=4))
    def same(known: list, states: list) -> None:
        lookup = {json.dumps(rule, sort_keys=True): "act" for rule in known}
        assert rules.possible_keys(policy, lookup, states) == rules.rasas_possible_keys(
            policy, lookup, states
        )

    same()


def test_what_never_changes_is_found_once() -> None:
    from bot.lean import constants

    assert Domain.is_empty is constants.is_empty_once
    assert "default_actions(action_endpoint)" in inspect.getsource(action.action_for_name_or_text)
    assert inspect.getsource(constants.is_empty).endswith(
        "return self.as_dict() == Domain.empty().as_dict()\n"
    )
    assert Domain.empty().is_empty()
    assert not Domain.from_dict({"intents": ["ask"]}).is_empty()
    endpoint = EndpointConfig("http://127.0.0.1")
    made = action.default_actions(endpoint)
    assert action.default_actions(endpoint) is made
    assert [type(one) for one in made] == [type(one) for one in constants.default_actions(endpoint)]
    assert action.default_actions(EndpointConfig("http://127.0.0.2")) is not made
