"""What an admin does to training data; what is new stands in files of the shop's own."""

from collections.abc import Iterable, Mapping
from typing import Any

from backoffice.kit.errors import Conflict, NotFound
from backoffice.training.datasets.domain import Labelled
from backoffice.training.projects.editing import add_example, checked, with_section
from backoffice.training.projects.rasa_yaml import File, Project
from backoffice.training.projects.views import intents, stories

SHOP = "nlu_data/shop.yml"
SHOP_STORIES = "tests/stories/test_shop.yml"


def add_examples(project: Project, examples: Iterable[Labelled]) -> Project:
    known = {name: {each.marked for each in intent.examples} for name, intent in intents(project).items()}
    shop = Project({path: file for path, file in project.files.items() if path == SHOP})
    for each in examples:
        if each.intent not in known:
            raise NotFound("intent_unknown", f"there is no intent {each.intent}")
        marked = checked(each.marked)
        if marked not in known[each.intent]:
            known[each.intent].add(marked)
            shop = add_example(shop, each.intent, marked, path=SHOP)
    return Project({**project.files, **shop.files})


def add_story(project: Project, story: Mapping[str, Any]) -> Project:
    if any(each.name == story.get("story") for each in stories(project)):
        raise Conflict("story_exists", f"there is a conversation of the name {story['story']}")
    told = (project.files.get(SHOP_STORIES, File()).data or {}).get("stories") or []
    return with_section(project, SHOP_STORIES, "stories", [*told, dict(story)])
