"""What must hold of training data before it is saved: what Rasa would only complain of while it trains, or
never.
"""

from collections.abc import Iterator

from backoffice.training.projects.rasa_yaml import Project


def troubles(project: Project) -> Iterator[str]:
    """A sentence each, which names the place."""
    yield from ()
