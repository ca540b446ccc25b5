"""What the consoles say, in the language of who sits before them."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from backoffice.kit.messages import Language, catalogue, message, preferred

COOKIE = "xiaoer_language"
LANGUAGES: dict[Language, str] = {"zh-CN": "中文", "en": "English"}


@dataclass(frozen=True)
class Words:
    language: Language = "zh-CN"

    def __call__(self, key: str, **fields: Any) -> str:
        """Raises `KeyError` for a sentence that is not written."""
        return message("consoles", key, self.language, **fields)

    def known(self, group: str, code: str, otherwise: str | None = None) -> str:
        """The sentence for a code of another room; one that is not written is shown as it is."""
        found = catalogue("consoles", self.language).get(group, {}).get(code)
        return str(found) if found else code if otherwise is None else otherwise


def words_of(asked: HTTPConnection) -> Words:
    """As chosen on this device, else as the browser prefers."""
    chosen = asked.cookies.get(COOKIE)
    for language in LANGUAGES:
        if chosen == language:
            return Words(language)
    return Words(preferred(asked.headers.get("accept-language", "")))
