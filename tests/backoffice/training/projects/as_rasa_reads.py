"""Run by the bot's Python: what Rasa itself reads from the files of folders, as JSON."""

import json
import sys
import warnings

from rasa.shared.importers.rasa import RasaFileImporter

warnings.simplefilter("ignore")


def told(folder: str) -> dict:  # type: ignore[type-arg]
    project = RasaFileImporter(domain_path=folder, training_data_paths=[folder])
    data, domain, steps = project.get_nlu_data(), project.get_domain(), project.get_stories().story_steps
    return {
        "examples": sorted(
            json.dumps(each.as_dict(), sort_keys=True, default=str) for each in data.training_examples
        ),
        "synonyms": data.entity_synonyms,
        "regexes": sorted(json.dumps(each, sort_keys=True) for each in data.regex_features),
        "lookups": sorted(json.dumps(each, sort_keys=True) for each in data.lookup_tables),
        "responses": json.loads(json.dumps(data.responses, sort_keys=True, default=str)),
        "domain": json.loads(json.dumps(domain.as_dict(), sort_keys=True, default=str)),
        "stories": [[step.block_name, *map(str, step.events)] for step in steps],
    }


print(json.dumps([told(folder) for folder in sys.argv[1:]]))
