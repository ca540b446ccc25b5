"""Products without a photograph: a symbol on a tinted ground, drawn as SVG."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

SYMBOLS = {
    "shirt": "M35 28 22 36l5 13 7-3v28h32V46l7 3 5-13-13-8c-3 6-7 8-15 8s-12-2-15-8z",
    "coat": "M38 22 24 32l-4 40h10l2-26v34h36V46l2 26h10l-4-40-14-10-12 12zM50 34v46M44 50h0M44 62h0",
    "trousers": "M34 22h32l4 58H56l-6-40-6 40H30z",
    "dress": "M40 20v12l-4 14L26 80h48L64 46l-4-14V20M40 32h20M36 46h28",
    "sock": "M40 20h18v34l-4 20c-2 8-20 8-22-2-1-6 8-10 8-18zM40 28h18",
    "shoe": "M20 46c8 6 16 4 22-6l24 18c10 2 14 6 14 14H20zM20 64h60M48 48l-4 5M54 53l-4 5",
    "boot": "M38 20h20v34c12 4 18 8 18 20H38zM38 66h38M38 30h20",
    "bag": "M26 40h48l4 40H22zM38 48V32a12 12 0 0 1 24 0v16",
    "backpack": "M30 44a20 20 0 0 1 40 0v36H30zM42 26v-6h16v6M36 58h28v14H36zM30 52h-6v20h6M70 52h6v20h-6",
    "suitcase": "M28 34h44v44H28zM42 34V20h16v14M40 42v28M50 42v28M60 42v28M34 78v4M66 78v4",
    "hat": "M18 64c10-6 54-6 64 0-6 8-58 8-64 0zM30 62c0-28 8-34 20-34s20 6 20 34",
    "phone": "M36 18h28a4 4 0 0 1 4 4v56a4 4 0 0 1-4 4H36a4 4 0 0 1-4-4V22a4 4 0 0 1 4-4zM46 74h8",
    "headphones": "M24 60V50a26 26 0 0 1 52 0v10M24 56h10v20H24zM66 56h10v20H66z",
    "speaker": "M32 20h36v60H32zM50 60m-11 0a11 11 0 1 0 22 0 11 11 0 1 0-22 0"
    "M50 34m-5 0a5 5 0 1 0 10 0 5 5 0 1 0-10 0",
    "watch": "M38 34V18h24v16M38 66v16h24V66M50 50m-18 0a18 18 0 1 0 36 0 18 18 0 1 0-36 0M50 40v10l8 5",
    "laptop": "M28 28h44v34H28zM18 72h64l-6-10H24z",
    "battery": "M24 34h48v32H24zM72 44h6v12h-6M52 38 42 52h10l-4 10",
    "television": "M18 28h64v40H18zM38 78h24M50 68v10",
    "washer": "M28 20h44v62H28zM28 34h44M50 58m-15 0a15 15 0 1 0 30 0 15 15 0 1 0-30 0M36 27h8M64 27h0",
    "fridge": "M32 18h36v64H32zM32 42h36M40 26v8M40 50v12",
    "air_conditioner": "M18 30h64v24H18zM26 46h48M32 62c4 6-4 8 0 14M50 62c4 6-4 8 0 14M68 62c4 6-4 8 0 14",
    "vacuum": "M30 18l22 46M46 60h16l12 18H40zM26 20l10-4",
    "kettle": "M34 36h28l8 42H28zM40 36v-8h16v8M68 44c12 2 10 22 2 24M34 44l-10-6",
    "pot": "M26 44h48v28a8 8 0 0 1-8 8H34a8 8 0 0 1-8-8zM22 44h56M50 44v-8M44 36h12M26 54H18M74 54h8",
    "cup": "M30 32h34v36a10 10 0 0 1-10 10H40a10 10 0 0 1-10-10zM64 40h6a8 8 0 0 1 0 20h-6",
    "bottle": "M42 18h16v12l6 10v42H36V40l6-10zM36 52h28",
    "lamp": "M36 24h28l10 28H26zM50 52v24M36 80h28",
    "bed": "M20 34v44M20 62h60v16M80 62V54a8 8 0 0 0-8-8H42v16M32 50m-6 0a6 6 0 1 0 12 0 6 6 0 1 0-12 0",
    "pillow": "M26 34c16 6 32 6 48 0 4 14 4 18 0 32-16-6-32-6-48 0-4-14-4-18 0-32z",
    "towel": "M30 22h34a8 8 0 0 1 8 8v50H38V30a8 8 0 0 0-16 0v34h16M46 66h18M46 72h18",
    "chair": "M34 20v36h32V20zM34 56v24M66 56v24M30 56h40",
    "sofa": "M28 50V38a8 8 0 0 1 8-8h28a8 8 0 0 1 8 8v12M20 50h12v10h36V50h12v24H20zM28 74v6M72 74v6",
    "table": "M18 36h64v8H18zM26 44v38M74 44v38M56 44v14h18",
    "knife": "M26 74 66 22c8 10 8 22 0 32L50 66zM26 74l-6 8M50 66l-8-6",
    "umbrella": "M18 52a32 32 0 0 1 64 0c-8-6-14-6-21 0-7-6-15-6-22 0-7-6-13-6-21 0z"
    "M50 50v24a6 6 0 0 1-12 0M50 20v-4",
    "dryer": "M24 26h30a16 16 0 0 1 0 32H24zM54 26l22 6v20l-22 6M36 58l4 22h12l-3-22M34 36v12",
    "box": "M22 36l28-14 28 14v30L50 80 22 66zM22 36l28 14 28-14M50 50v30",
    "brush": "M30 80 58 44M54 40l8 8 16-16a6 6 0 0 0-8-8z",
    "rice": "M22 50h56a28 28 0 0 1-20 28H42a28 28 0 0 1-20-28zM30 50a20 14 0 0 1 40 0M44 42h0M54 40h0",
    "noodles": "M22 50h56a28 28 0 0 1-20 28H42a28 28 0 0 1-20-28zM36 50V24M44 50V22M52 50V20M30 26l44-8",
    "tea": "M26 44h40v16a18 18 0 0 1-40 0zM66 48h6a8 8 0 0 1 0 16h-7M38 36c-4-6 4-8 0-14M52 36c-4-6 4-8 0-14",
    "nut": "M50 26c18 0 24 14 18 30S54 80 50 80s-12-8-18-24 0-30 18-30zM32 42c12 6 24 6 36 0M50 26v-6",
    "milk": "M36 36l6-14h16l6 14v44H36zM36 36h28M42 22v-4h16v4M36 54h28",
    "cookie": "M50 50m-28 0a28 28 0 1 0 56 0 28 28 0 1 0-56 0M40 40h0M58 38h0M62 56h0M44 60h0M52 50h0",
    "baby": "M50 46m-22 0a22 22 0 1 0 44 0 22 22 0 1 0-44 0M42 44h0M58 44h0M42 54c4 6 12 6 16 0"
    "M50 24c-4-6 4-8 6-4",
    "toy": "M50 56m-18 0a18 18 0 1 0 36 0 18 18 0 1 0-36 0M34 34m-7 0a7 7 0 1 0 14 0 7 7 0 1 0-14 0"
    "M66 34m-7 0a7 7 0 1 0 14 0 7 7 0 1 0-14 0M44 52h0M56 52h0M46 62h8",
    "diaper": "M20 32h60v14c-16 2-22 14-22 30H42c0-16-6-28-22-30zM28 38h6M66 38h6",
}
TINT = re.compile(r"#[0-9a-fA-F]{6}")


def draw(name: str, picture: Mapping[str, Any]) -> str:
    """A square SVG. `picture`: `symbol` (a key of SYMBOLS, else a box), `tint` (#rrggbb, else grey)."""
    symbol = SYMBOLS.get(str(picture.get("symbol")), SYMBOLS["box"])
    tint = str(picture.get("tint", ""))
    tint = tint if TINT.fullmatch(tint) else "#8a94a6"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" role="img" '
        f'aria-label="{escape(name)}"><title>{escape(name)}</title>'
        f'<defs><linearGradient id="tint{tint[1:]}" x2="1" y2="1">'
        f'<stop stop-color="{tint}" stop-opacity=".16"/>'
        f'<stop offset="1" stop-color="{tint}" stop-opacity=".42"/></linearGradient></defs>'
        '<rect width="100" height="100" fill="#fff"/>'
        f'<rect width="100" height="100" fill="url(#tint{tint[1:]})"/>'
        f'<circle cx="50" cy="51" r="39" fill="#fff" fill-opacity=".55"/>'
        f'<g transform="translate(10 11) scale(.8)"><path d="{symbol}" fill="{tint}" fill-opacity=".22" '
        f'stroke="{tint}" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></g></svg>'
    )
