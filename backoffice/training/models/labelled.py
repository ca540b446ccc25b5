"""Messages and what they mean, as they are kept for tests.

Both environments use them: nothing but the standard library of Python 3.10.
"""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Labelled:
    """A message and what it means; `also` are other readings that would do."""

    text: str
    intent: str
    also: tuple[str, ...] = ()


def read(path: Path) -> list[Labelled]:
    """JSON lines of `text`, `intent` and, where another reading would do, `also`.

    Raises ValueError with the place of the first line that is none.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        try:
            row = json.loads(line)
            found.append(Labelled(row["text"], row["intent"], tuple(row.get("also", ()))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: not a labelled message ({error!r})") from error
    if not found:
        raise ValueError(f"{path}: no messages")
    return found
