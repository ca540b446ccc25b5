"""Serves the actions to the bot: `python -m actions [--port 8002]`."""

import argparse
import logging
from typing import Any
from urllib.parse import urlsplit

from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor
from sanic import Sanic

from actions.registry import ACTIONS
from actions.settings import get_settings


class Executor(ActionExecutor):
    """No action reads the domain, so the bot does not send it (`enable_selective_domain`)."""

    def update_and_return_domain(self, payload: dict[str, Any], action_name: str) -> dict[str, Any]:
        return {}


def main() -> None:
    place = urlsplit(get_settings().actions_url)
    parser = argparse.ArgumentParser(prog="python -m actions", description="The bot's actions")
    parser.add_argument("--host", default=place.hostname)
    parser.add_argument("--port", type=int, default=place.port)
    chosen = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    for talkative in ("httpx", "rasa_sdk.executor"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    executor = Executor()
    for action in ACTIONS:
        executor.register_action(action)
    app = create_app(executor)
    app.config.KEEP_ALIVE_TIMEOUT = 120
    app.prepare(host=chosen.host, port=chosen.port, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(primary=app)


if __name__ == "__main__":
    main()
