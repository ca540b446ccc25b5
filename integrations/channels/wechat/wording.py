"""What shoppers read and say in WeChat, from `messages.yml` beside this file."""

from pathlib import Path
from typing import Any

from backoffice.kit.messages import catalogue, message

HERE = str(Path(__file__).parent)


def says(key: str, **fields: Any) -> str:
    return message(HERE, key, **fields)


def menu() -> list[dict[str, Any]]:
    """The menu at the foot of an official account, as Tencent wants it."""
    return [
        {"name": each["name"], "sub_button": [click(item) for item in each["items"]]}
        if "items" in each
        else click(each)
        for each in catalogue(HERE)["menu"]
    ]


def click(item: dict[str, str]) -> dict[str, str]:
    return {"type": "click", "name": item["name"], "key": item["key"]}


def menu_names() -> dict[str, str]:
    """What each key of the menu is called; a key is an intent of the bot's."""
    listed = [item for each in catalogue(HERE)["menu"] for item in each.get("items", [each])]
    return {item["key"]: item["name"] for item in listed}
