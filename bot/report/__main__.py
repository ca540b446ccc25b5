"""Judges messages that were not trained on and writes the page."""

import argparse
import asyncio
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Optional

import sanic.app  # noqa: F401  once imported it cannot ask for DeprecationWarnings any more
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")

from rasa.exceptions import ModelNotFound
from rasa.shared.importers.rasa import RasaFileImporter

from backoffice.training.models import figures, labelled
from bot.report import judging, page

ROOT = Path(__file__).parents[2]
PARTS = 5


def main(words: Optional[Sequence[str]] = None) -> None:
    """Does what the command line asks; leaves by SystemExit with what is wrong where it cannot."""
    arguments = parsed(words)
    console = Console(highlight=False, soft_wrap=True)
    try:
        messages = labelled.read(arguments.data)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    model = arguments.model or max((ROOT / "models").glob("xiaoer-*.tar.gz"), default=None)
    if model is None or not model.is_file():
        sys.exit(f"No model {model or 'in models'}: run `make train` or name one by --model.")

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        try:
            judged = asyncio.run(all_judged(model, messages, progress))
        except ModelNotFound:
            sys.exit(f"{model} is no model, or broken: delete it and run `make train`.")
        curve = [] if arguments.no_curve else learnt(messages, progress)

    made = f"{datetime.now():%Y-%m-%d %H:%M}"
    arguments.page.parent.mkdir(parents=True, exist_ok=True)
    arguments.page.write_text(
        page.render(judged, curve, model.name, arguments.data.name, made), encoding="utf8"
    )
    head = figures.headline(judged)
    console.print(
        f"{head.lenient:.1%} of {head.count} messages served right ({head.strict:.1%} strictly), "
        f"macro F1 {head.macro_f1:.3f}, out of scope {head.outside_recall:.1%}, "
        f"calibration error {head.calibration_error:.3f}",
    )
    if curve:
        last = figures.gain(*curve[-2:])
        console.print(
            f"The last {last.sentences} sentences brought {100 * last.share:+.1f} ± {100 * last.margin:.1f} "
            "points.",
        )
    console.print(f"Written: {arguments.page}")


def parsed(words: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.report", description=__doc__)
    parser.add_argument("--model", type=Path, help="a trained model; the newest of models/ unless told")
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT / "tests" / "bot" / "unseen.jsonl",
        help="JSON lines of text, intent and also (default: %(default)s)",
    )
    parser.add_argument("--page", type=Path, default=Path("var/report-nlu.html"), help="where to write")
    parser.add_argument("--no-curve", action="store_true", help="leave the learning curve out: no training")
    return parser.parse_args(words)


async def all_judged(
    model: Path, messages: list[labelled.Labelled], progress: Progress
) -> list[figures.Judged]:
    task = progress.add_task("Messages", total=len(messages))
    judged = []
    async for each in judging.judge(model, messages):
        judged.append(each)
        progress.advance(task)
    return judged


def learnt(messages: list[labelled.Labelled], progress: Progress) -> list[figures.Point]:
    task = progress.add_task("Trainings", total=PARTS)
    points = []
    data = RasaFileImporter(training_data_paths=str(ROOT / "nlu_data")).get_nlu_data()
    for point in judging.learning_curve(data, ROOT / "config.yml", messages, PARTS):
        points.append(point)
        progress.advance(task)
    return points


if __name__ == "__main__":
    main()
