"""Loads one model, once, and writes what it makes of sentences and test conversations as JSON lines.

The first line tells of the model: `load_seconds` and `memory_bytes`. Then one for each sentence, in order:
`served`, `ranked`, `confidence`, `seconds`; then one for each conversation: `story`, `passed`, `fault`.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

import sanic.app  # noqa: F401  once imported it cannot ask for DeprecationWarnings any more
import structlog

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["LOG_LEVEL"] = "ERROR"  # no bars of Rasa's own
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    from bot.lean import stand_ins

    stand_ins.install()
    from bot.lean import patches  # noqa: F401

from rasa.core.agent import Agent

from bot.judging.sentences import judge
from bot.judging.stories import walk

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TELL_EVERY = 20


def main(words: Optional[Sequence[str]] = None) -> None:
    """Leaves by SystemExit with what is wrong where it cannot."""
    parser = argparse.ArgumentParser(prog="python -m bot.judging", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--sentences", type=Path, help="a JSON list of texts")
    parser.add_argument("--stories", type=Path, help="a folder of test conversations, files test_*.yml")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(words)
    texts = json.loads(asked.sentences.read_text(encoding="utf8")) if asked.sentences else []
    asyncio.run(write(asked.model, texts, asked.stories, asked.out))


async def write(model: Path, texts: Sequence[str], stories: Optional[Path], out: Path) -> None:
    """All of the findings into `out`; how far it is on the standard output, as `judged 20 of 1080`."""
    before, start = resident_bytes(), time.perf_counter()
    try:
        agent = Agent.load(model)
    except Exception as error:
        sys.exit(f"{model.name} does not load: {root_of(error)}")
    loaded = {"load_seconds": time.perf_counter() - start, "memory_bytes": resident_bytes() - before}
    walks = walk(agent, stories) if stories else []
    total, done = len(texts) + len(walks), 0
    with out.open("w", encoding="utf8") as file:

        def tell(found: Dict[str, Any]) -> None:
            file.write(json.dumps(found, ensure_ascii=False) + "\n")

        def advance() -> None:
            nonlocal done
            done += 1
            if done % TELL_EVERY == 0 or done == total:
                print(f"judged {done} of {total}", flush=True)

        tell(loaded)
        async for judged in judge(agent, texts):
            tell(judged)
            advance()
        for one in walks:
            tell(await one())
            advance()


def root_of(error: BaseException) -> BaseException:
    """What an error came from first."""
    return root_of(error.__cause__) if error.__cause__ else error


def resident_bytes() -> int:
    """What this process holds in memory; 0 where that is not told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0


if __name__ == "__main__":
    main()
