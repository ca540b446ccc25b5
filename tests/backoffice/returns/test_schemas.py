import pytest
from pydantic import BaseModel

from backoffice.returns import schemas

SHOWN: list[type[BaseModel]] = [
    schemas.AskReturn,
    schemas.Terms,
    schemas.ReturnView,
    schemas.AddPhotos,
    schemas.PhotoView,
    schemas.Arrival,
    schemas.Inspection,
]


@pytest.mark.parametrize("schema", SHOWN)
def test_what_the_pages_of_the_api_show_is_true(schema: type[BaseModel]) -> None:
    [example] = schema.model_json_schema()["examples"]
    assert example.keys() <= schema.model_fields.keys()
    assert schema.model_validate(example)


def test_a_case_is_shown_whole() -> None:
    [example] = schemas.ReturnView.model_json_schema()["examples"]
    assert example.keys() == schemas.ReturnView.model_fields.keys()
