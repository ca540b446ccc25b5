"""Each patch of `bot.components.rasa_patches` is in force, judges as Rasa does, and still fits this Rasa."""

import asyncio
import inspect
import json
import subprocess
import sys

import pytest
import rasa
from aiohttp import web
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from rasa.utils.endpoints import EndpointConfig

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


def test_the_patches_were_written_for_this_rasa() -> None:
    assert rasa.__version__ == "3.6.21"


def test_an_answer_is_judged_as_rasa_judges_it() -> None:
    import bot.components.rasa_patches as patches

    assert RemoteAction._validate_action_result is patches.validate_action_result
    answers = [GOOD, *BAD]
    command = [sys.executable, "-W", "ignore", "-c", JUDGE, json.dumps(answers)]
    unpatched = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def judge(answer: object) -> bool:
        try:
            return RemoteAction._validate_action_result(RemoteAction("act", None), answer)
        except ValidationError:
            return False

    assert [judge(answer) for answer in answers] == unpatched
    assert unpatched[0] is True
    assert False in unpatched


def test_rasa_still_asks_the_function_that_is_replaced() -> None:
    assert "self._validate_action_result(response)" in inspect.getsource(RemoteAction.run)
    with pytest.raises(ValidationError):
        RemoteAction._validate_action_result(RemoteAction("act", None), {"events": "none"})


def test_the_calls_of_an_endpoint_share_a_connection() -> None:
    import bot.components.rasa_patches as patches

    assert "async with self.session() as session" in inspect.getsource(EndpointConfig.request)
    assert EndpointConfig.session is patches.kept_session
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
