"""The two projects that are compared: what they are made of, how they are trained and started."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from backoffice.doctor import LOCAL
from backoffice.trainer import BOT_PYTHON, ROOT, bot_environment, bot_program

KEPT = ROOT / "var" / "bench"
ANSWER = "action_answer"
FALLBACK = "nlu_fallback"


def stock_config(epochs: int) -> dict[str, Any]:
    return {
        "recipe": "default.v1",
        "assistant_id": "stock",
        "language": "zh",
        "pipeline": [
            {"name": "JiebaTokenizer"},
            {"name": "CountVectorsFeaturizer"},
            {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
            {"name": "DIETClassifier", "epochs": epochs},
            {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
        ],
        "policies": [
            {"name": "MemoizationPolicy"},
            {"name": "RulePolicy"},
            {"name": "TEDPolicy", "max_history": 5, "epochs": epochs},
        ],
    }


@dataclass(frozen=True)
class Project:
    """A folder with `data/`, domain, config and endpoints and, once trained, `model.tar.gz`."""

    name: str
    folder: Path
    program: tuple[str, ...]

    @property
    def model(self) -> Path:
        return self.folder / "model.tar.gz"

    @property
    def training_seconds(self) -> float:
        """How long the training of the model took."""
        return float(json.loads((self.folder / "training.json").read_text())["seconds"])

    def train(self) -> None:
        """Trains the model unless it is there."""
        if self.model.exists():
            return
        command = [*self.program, "train", "--force", "--skip-validation", "--config", "config.yml"]
        command += ["--domain", "domain.yml", "--data", "data", "--out", ".", "--fixed-model-name", "new"]
        began = time.monotonic()
        with (self.folder / "training.log").open("wb") as log:
            environment = self.environment() | {"RASA_MAX_CACHE_SIZE": "0"}
            subprocess.run(
                command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT, check=True
            )
        (self.folder / "training.json").write_text(json.dumps({"seconds": time.monotonic() - began}))
        (self.folder / "new.tar.gz").rename(self.model)

    def serving(self, port: int) -> list[str]:
        """The command that serves the model on a port of this machine."""
        command = [*self.program, "run", "--model", str(self.model), "--enable-api", "--interface", LOCAL]
        return [*command, "--port", str(port), "--endpoints", "endpoints.yml"]

    def environment(self, actions: str = "", tracker: str = "") -> dict[str, str]:
        """Of both the trainer and the server; URLs of the actions and of the tracker store."""
        own = {"XIAOER_ACTIONS_URL": actions, "XIAOER_TRACKER_URL": tracker}
        return dict(os.environ) | bot_environment() | own

    def sentences(self) -> list[str]:
        """What the intents are taught with, in the order of the files."""
        items = taught(self.folder / "data")
        return [line[2:].strip() for item in items for line in item["examples"].splitlines()]


def stock(epochs: int) -> Project:
    """The stock project of the data as they are; kept from one bench to the next."""
    config = stock_config(epochs)
    folder = KEPT / f"stock-{fingerprint(config)}"
    project = Project("stock", folder, (str(BOT_PYTHON), "-m", "rasa"))
    if not project.model.exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "nlu_data", folder / "data", ignore=shutil.ignore_patterns("*.md"))
        write(folder / "config.yml", config)
        write(folder / "endpoints.yml", {"action_endpoint": {"url": "${XIAOER_ACTIONS_URL}/webhook"}})
        known = domain(folder / "data")
        write(folder / "domain.yml", known)
        paths = [{"story": name, "steps": answered(name)} for name in known["intents"]]
        write(folder / "data" / "stories.yml", {"stories": paths})
        write_rules(folder / "data")
    return project


def ours(folder: Path, beside: Project) -> Project:
    """The shop's pipeline and endpoints on the same sentences, in a folder of its own."""
    project = Project("ours", folder, bot_program())
    shutil.copytree(beside.folder / "data", folder / "data", ignore=shutil.ignore_patterns("stories.yml"))
    shutil.copy(ROOT / "config.yml", folder)
    shutil.copy(ROOT / "bot" / "endpoints.yml", folder)
    shutil.copy(beside.folder / "domain.yml", folder)
    return project


def fingerprint(config: dict[str, Any]) -> str:
    """Eight hex digits over what the stock model is made of."""
    digest = hashlib.sha256(json.dumps(config).encode())
    for path in sorted((ROOT / "nlu_data").rglob("*.yml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def taught(data: Path) -> Iterator[dict[str, str]]:
    """The intents of a folder of training data, with their examples, in the order of the files."""
    for path in sorted(data.glob("*.yml")):
        content = yaml.load(path.read_text(encoding="utf8"), yaml.CSafeLoader)
        yield from (item for item in content.get("nlu", []) if "intent" in item)


def domain(data: Path) -> dict[str, Any]:
    """Every intent of the data, one action, and the entities that the shop's bot finds."""
    shop = yaml.safe_load((ROOT / "bot" / "domain" / "domain.yml").read_text(encoding="utf8"))
    names = [entity if isinstance(entity, str) else next(iter(entity)) for entity in shop["entities"]]
    intents = dict.fromkeys(item["intent"] for item in taught(data))
    return {"intents": list(intents), "entities": names, "actions": [ANSWER]}


def write_rules(data: Path) -> None:
    """One rule for each intent, so that a net that is unsure has every turn answered all the same."""
    names = [*domain(data)["intents"], FALLBACK]
    write(data / "rules.yml", {"rules": [{"rule": name, "steps": answered(name)} for name in names]})


def answered(intent: str) -> list[dict[str, str]]:
    return [{"intent": intent}, {"action": ANSWER}]


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump({"version": "3.1", **content} if path.name != "config.yml" else content))
