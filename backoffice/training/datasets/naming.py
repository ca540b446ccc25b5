"""Which intents the shop's own code names, which no edit of data changes."""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path

from backoffice.kit.errors import Conflict
from backoffice.training.datasets.fingerprints import ROOT
from backoffice.training.datasets.verbs import SHOP_DOMAIN
from backoffice.training.projects.rasa_yaml import Project
from backoffice.training.projects.views import domain

CODE = ("actions",)
QUOTED = re.compile(r"[\"'/]([a-z0-9_]+)[\"'{]")
WORD = re.compile(r"[a-z0-9_]+")


@cache
def named_in_code(root: Path = ROOT) -> dict[str, list[str]]:
    """Where each word stands that code says to name a thing."""
    found = defaultdict[str, list[str]](list)
    for path in sorted(path for part in CODE for path in (root / part).rglob("*")):
        if path.suffix in (".py", ".yml"):
            pattern = QUOTED if path.suffix == ".py" else WORD
            for word in set(pattern.findall(path.read_text(encoding="utf8"))):
                found[word].append(path.relative_to(root).as_posix())
    return dict(found)


def places_in_code(project: Project, intent: str) -> list[str]:
    """None for an intent that the shop made."""
    made_here = any(each.name == intent and each.path == SHOP_DOMAIN for each in domain(project).intents)
    return [] if made_here else named_in_code().get(intent, [])


def require_free(project: Project, intent: str) -> None:
    """Raises `Conflict` (`intent_in_code`, with its `places`)."""
    if places := places_in_code(project, intent):
        told = f"the shop's own code names {intent}: {', '.join(places)}"
        raise Conflict("intent_in_code", told, intent=intent, places=places)
