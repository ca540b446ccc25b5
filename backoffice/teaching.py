"""The command `xiaoer train`: the running shop does it as a job; where none runs, this process does."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from backoffice.settings import Settings
from backoffice.supervisor import Trouble

if TYPE_CHECKING:
    from backoffice.client import Shop

LOOK_SECONDS = 0.5
SHOWN_LINES = 5
OVER = ("done", "failed", "cancelled")
console = Console()


def train(
    if_changed: Annotated[
        bool, typer.Option("--if-changed", help="Only when the newest model is stale.")
    ] = False,
    why: Annotated[str, typer.Option(help="For the record of the running shop.")] = "",
    cancel: Annotated[bool, typer.Option("--cancel", help="End what is under way instead.")] = False,
) -> None:
    """
    Train the bot into models/.

    A running shop does it as a job, of the data that its admins edit, and
    compares the model with the one that is live; Ctrl-C leaves the job to
    itself. Where no shop runs the bot is trained here from config.yml, bot/
    and nlu_data/, and the next start serves it.

    [dim]xiaoer train
    xiaoer train --why "trade-in"
    xiaoer train --cancel[/]
    """
    from backoffice import trainer
    from backoffice.client import Away, Shop, address

    settings = Settings()
    if if_changed and trainer.fits(newest := trainer.newest(settings.models)):
        console.print(f"{newest} is up to date.")
        return
    with Shop(address(), settings.service_token) as shop:
        try:
            if cancel:
                stop(shop)
                return
            asked = {"kind": "train", "why": why}
            job = shop.request("POST", "/api/training/jobs", shop.service_token, asked)
        except Away:
            if cancel:
                raise
            here(settings)
        else:
            follow(shop, job)


def here(settings: Settings) -> None:
    """Train in this process's stead, as there is no shop to ask."""
    from backoffice import trainer
    from backoffice.up import step, until_signal

    async def work() -> None:
        with step(console, "Training the bot") as tell:
            made = await trainer.train(settings.models, settings.state / "log" / "training.log", tell)
        console.print(str(made))

    asyncio.run(until_signal(work()))


def stop(shop: "Shop") -> None:
    """Cancel every job that runs or waits. Raises `Trouble` when there is none."""
    jobs = shop.request("GET", "/api/training/jobs?limit=100", shop.service_token)["jobs"]
    going = [each for each in jobs if each["state"] not in OVER]
    if not going:
        raise Trouble("No training is under way.")
    for each in going:
        shop.request("POST", f"/api/training/jobs/{each['id']}/cancel", shop.service_token)
        console.print(f"Job {each['id']} is being cancelled.")


def follow(shop: "Shop", job: dict[str, Any]) -> None:
    """Shows how far a job is until it is over. Raises `Trouble` when it does not succeed."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("waiting", total=1.0)
            while job["state"] not in OVER:
                progress.update(bar, description=job["step"] or job["state"], completed=job["progress"])
                time.sleep(LOOK_SECONDS)
                job = shop.request("GET", f"/api/training/jobs/{job['id']}", shop.service_token)
            progress.update(bar, description=job["state"], completed=job["progress"])
    except KeyboardInterrupt:
        console.print(f"Job {job['id']} goes on; `xiaoer train --cancel` ends it.")
        return
    if job["state"] == "cancelled":
        raise Trouble(f"Job {job['id']} was cancelled.")
    if job["state"] == "failed":
        for line in job["log"].splitlines()[-SHOWN_LINES:]:
            console.print(f"[dim]{escape(line)}[/]", highlight=False)
        raise Trouble(f"{job['error']}: {job['detail']}")
    console.print(job["model"])
