"""XML as WeChat writes and reads it: one element per field, texts in CDATA."""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from integrations.channels.wechat.errors import BadXml

Fields = dict[str, str]
"""Fields by name; one inside another has both names: `ScanCodeInfo.ScanResult`."""

NEVER_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(body: str | bytes) -> Fields:
    """The fields of an `<xml>` element. Raises `BadXml`, also for whatever declares a document type."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadXml(f"not XML as agreed: {type(error).__name__}") from error
    if root.tag != "xml":
        raise BadXml("the outermost element is not <xml>")
    return dict(named(root))


def named(root: Element) -> list[tuple[str, str]]:
    fields = [(child.tag, child.text or "") for child in root]
    return fields + [(f"{child.tag}.{inner.tag}", inner.text or "") for child in root for inner in child]


def render(fields: Mapping[str, str | int]) -> str:
    """The fields as an `<xml>` element: numbers bare, texts in CDATA whatever they hold."""
    elements = (
        f"<{name}>{value if isinstance(value, int) else cdata(value)}</{name}>"
        for name, value in fields.items()
    )
    return f"<xml>{''.join(elements)}</xml>"


def cdata(text: str) -> str:
    """The text as CDATA, split where it would end early, without characters that XML cannot hold."""
    return f"<![CDATA[{NEVER_IN_XML.sub('', text).replace(']]>', ']]]]><![CDATA[>')}]]>"


def cut(text: str, limit: int) -> str:
    """The text as far as it has `limit` bytes in UTF-8, cut at a character."""
    return text.encode()[:limit].decode(errors="ignore")
