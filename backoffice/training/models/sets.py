"""What models are judged by: sentences with their meaning, under the names that the shop's data has now."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from backoffice.training.models.labelled import Labelled
from backoffice.training.projects import views
from backoffice.training.projects.rasa_yaml import Project


def moved(before: Project, after: Project) -> dict[str, str]:
    """What became of the intents that are no more: the one that has most of their sentences now, if any has
    half of them. So a rename, a merge and an import are all followed alike."""
    earlier, later = views.intents(before), views.intents(after)
    homes = {example.text: name for name, intent in later.items() for example in intent.examples}
    found = dict[str, str]()
    for name in earlier.keys() - later.keys():
        said = [example.text for example in earlier[name].examples]
        heirs = Counter(homes[text] for text in said if text in homes)
        for heir, count in heirs.most_common(1):
            if 2 * count >= len(said):
                found[name] = heir
    return found


def relabelled(
    messages: Iterable[Labelled], moved: Mapping[str, str], known: Container[str]
) -> list[Labelled]:
    """The same sentences under the intents that are `known` now, without those that mean none of them."""
    found = []
    for each in messages:
        intent = moved.get(each.intent, each.intent)
        also = dict.fromkeys(moved.get(other, other) for other in each.also)
        if intent in known:
            found.append(Labelled(each.text, intent, tuple(other for other in also if other != intent)))
    return found


def texts(sets: Mapping[str, Sequence[Labelled]]) -> list[str]:
    """Every sentence once, as models are asked for it."""
    return list(dict.fromkeys(each.text for messages in sets.values() for each in messages))
