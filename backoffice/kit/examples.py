"""What the API's pages show of a schema."""

from typing import Any

from pydantic import ConfigDict


def example(**fields: Any) -> ConfigDict:
    """The configuration of a model that shows these fields as its example."""
    return ConfigDict(json_schema_extra={"examples": [fields]})
