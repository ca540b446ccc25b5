"""What one revision says that another does not."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from backoffice.training.datasets.domain import Difference, Labelled, Touch, What
from backoffice.training.projects.rasa_yaml import Project
from backoffice.training.projects.views import Listed, Named, domain, intents, stories, terms


def difference(before: Project, after: Project) -> Difference:
    old, new = before.files, after.files
    files = sorted(path for path in old.keys() | new.keys() if source(before, path) != source(after, path))
    was, becomes = (
        Project({path: each.files[path] for path in files if path in each.files}) for each in (before, after)
    )
    said, says = Counter(examples(was)), Counter(examples(becomes))
    touched = list(touches(things(was), things(becomes)))
    return Difference(sorted((says - said).elements()), sorted((said - says).elements()), touched, files)


def source(project: Project, path: str) -> str | None:
    return project.files[path].source if path in project.files else None


def examples(project: Project) -> Iterator[Labelled]:
    for name, intent in intents(project).items():
        for each in intent.examples:
            yield Labelled(name, each.marked)


def touches(was: dict[tuple[What, str], Any], becomes: dict[tuple[What, str], Any]) -> Iterator[Touch]:
    for what, name in sorted(was.keys() | becomes.keys()):
        before, after = was.get((what, name)), becomes.get((what, name))
        if before != after:
            yield Touch(what, name, "added" if before is None else "removed" if after is None else "changed")


def things(project: Project) -> dict[tuple[What, str], Any]:
    """All but sentences: what is told of each, by kind and name."""
    found = defaultdict[tuple[What, str], list[Any]](list)
    told = domain(project)
    listed: dict[What, Sequence[Listed]] = {
        "intent": told.intents,
        "entity": told.entities,
        "action": told.actions,
    }
    named: dict[What, Sequence[Named]] = {"slot": told.slots, "form": told.forms}
    for what, names in listed.items():
        for each in names:
            found[what, each.name].append(each.options)
    for what, items in named.items():
        for item in items:
            found[what, item.name].append(item.told)
    for variation in told.responses:
        found["response", variation.response].append(vars(variation) | {"path": ""})
    for story in stories(project):
        kind: What = "test" if story.path.startswith("tests/") else story.kind
        found[kind, story.name].append((story.condition, story.steps))
    for term in terms(project):
        found[term.kind, term.name].append(term.values)
    return dict(found)
