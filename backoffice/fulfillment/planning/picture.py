"""A plan as a picture: an SVG as wide as a phone, without tiles or scripts, and what it shows in words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from backoffice.fulfillment.planning.map import Box, apart, beside, fitted, round_km, width
from backoffice.fulfillment.planning.schemas import Decided, Ranked
from backoffice.fulfillment.planning.words import (
    Spot,
    arrives,
    described,
    heading,
    hindrances,
    names,
    parcel_line,
    pieces,
    reason,
    say,
)
from backoffice.kit.messages import catalogue
from backoffice.kit.money import yuan

WIDE, EDGE, MAP_HIGH = 390.0, 14.0, 300.0
INK, QUIET, LINE, PAPER, LAND = "#33291f", "#75695d", "#e4d9cb", "#fffdf9", "#f6efe4"
SENDER, RIVAL, GOAL = "#b94f14", "#7f93a6", "#2f5d4a"
MOST_RIVALS, MOST_ROWS, MOST_ROUNDS, MOST_RULES = 4, 4, 3, 5
NEAR_DEGREES = 0.02
FONT = "system-ui,'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif"


class Sheet:
    """What has been drawn, and how far down."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.y = 0.0

    def add(self, name: str, inner: str | None = None, **attributes: object) -> None:
        written = ""
        for key, value in attributes.items():
            said = f"{value:.1f}" if isinstance(value, float) else str(value)
            written += f' {key.strip("_").replace("_", "-")}="{escape(said)}"'
        self.parts.append(f"<{name}{written}/>" if inner is None else f"<{name}{written}>{inner}</{name}>")

    def text(self, x: float, y: float, said: str, size: float = 13, fill: str = INK, **more: object) -> None:
        self.add("text", escape(said), x=float(x), y=float(y), font_size=size, fill=fill, **more)

    def lines(self, said: str, size: float = 13, fill: str = INK, indent: float = 0, **more: object) -> None:
        """A paragraph below what is there, broken where it does not fit."""
        room, line = WIDE - 2 * EDGE - indent, ""
        rows: list[str] = []
        for each in said:
            if line and width(line + each, size) > room and each not in "，。；、）”":
                rows.append(line)
                line = ""
            line += each
        for row in [*rows, line]:
            self.y += size * 1.5
            self.text(EDGE + indent, self.y, row, size, fill, **more)

    def written(self, title: str, desc: str) -> str:
        high = self.y + EDGE
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE:g} {high:.0f}" role="img"'
            f' aria-label="{escape(title)}" font-family="{FONT}"'
            f' style="display:block;width:100%;max-width:560px;margin:0 auto">'
            f"<title>{escape(title)}</title><desc>{escape(desc)}</desc>"
            f'<rect width="{WIDE:g}" height="{high:.0f}" rx="10" fill="{PAPER}"/>{"".join(self.parts)}</svg>'
        )


@dataclass(frozen=True)
class Mark:
    """A point of the map: where it truly is, what it is called, and how it is drawn."""

    point: tuple[float, float]
    name: str
    radius: float
    colour: str
    sign: str = ""
    pieces: int = 0


def marks(plan: Decided, spots: Mapping[int, Spot]) -> list[Mark]:
    """The destination, who sends, and the best of those who do not, if they are not out of the picture."""
    found: list[Mark] = []
    if plan.destination.point:
        place = plan.destination.city or plan.destination.province
        found.append(Mark(plan.destination.point, place, 9, GOAL))
    senders = {each.location_id for each in plan.parcels}
    for number, parcel in enumerate(plan.parcels, 1):
        if spot := spots.get(parcel.location_id):
            point = spot.latitude, spot.longitude
            found.append(Mark(point, spot.short, 11, SENDER, str(number), pieces(parcel)))
    around = found[:]
    rivals = [
        each.location_id for ranks in plan.rounds[:1] for each in ranks if each.location_id not in senders
    ]
    for id in rivals[:MOST_RIVALS]:
        if (spot := spots.get(id)) and near(spot, around):
            found.append(Mark((spot.latitude, spot.longitude), spot.short, 4.5, RIVAL))
    return found


def near(spot: Spot, around: Sequence[Mark]) -> bool:
    """Whether a location may be shown without making the rest too small."""
    if not around:
        return True
    spread = max(
        [NEAR_DEGREES]
        + [abs(one.point[axis] - other.point[axis]) for one, other in pairwise(around) for axis in (0, 1)]
    )
    middle = around[0].point
    return abs(spot.latitude - middle[0]) < 2.5 * spread and abs(spot.longitude - middle[1]) < 2.5 * spread


def draw_map(sheet: Sheet, plan: Decided, spots: Mapping[int, Spot]) -> None:
    shown = marks(plan, spots)
    if not shown:
        return
    box = Box(EDGE, sheet.y + 8, WIDE - EDGE, sheet.y + 8 + MAP_HIGH)
    sheet.add(
        "rect",
        x=box.left,
        y=box.top,
        width=box.right - box.left,
        height=MAP_HIGH,
        rx=8,
        fill=LAND,
        stroke=LINE,
    )
    projection = fitted([each.point for each in shown], box, 58)
    true = [projection.at(*each.point) for each in shown]
    inner = Box(box.left + 4, box.top + 4, box.right - 4, box.bottom - 22)
    placed = apart(true, [each.radius + 3 for each in shown], inner)
    taken = [
        Box(x - mark.radius, y - mark.radius, x + mark.radius, y + mark.radius)
        for mark, (x, y) in zip(shown, placed, strict=True)
    ]
    goal = placed[0] if plan.destination.point else None
    if goal:
        rings(sheet, goal, projection.km_per_unit, box)
        taken += arcs(sheet, goal, shown, placed, taken)
    scale(sheet, projection.km_per_unit, box)
    for mark, (x, y), (tx, ty) in zip(shown, placed, true, strict=True):
        if abs(x - tx) + abs(y - ty) > 3:
            sheet.add("line", x1=tx, y1=ty, x2=x, y2=y, stroke=mark.colour, stroke_width=1, opacity=0.6)
            sheet.add("circle", cx=tx, cy=ty, r=1.8, fill=mark.colour)
    for mark, (x, y) in zip(shown, placed, strict=True):
        sheet.add("circle", cx=x, cy=y, r=mark.radius, fill=mark.colour, stroke=PAPER, stroke_width=2)
        if mark.sign:
            sheet.text(x, y + 4.3, mark.sign, 12, PAPER, text_anchor="middle", font_weight="700")
        elif mark.colour == GOAL:
            sheet.add("circle", cx=x, cy=y, r=3, fill=PAPER)
    for mark, (x, y) in zip(shown, placed, strict=True):
        small = mark.colour == RIVAL
        size = 11.0 if small else 13.0
        label = beside(
            x, y, mark.radius, width(mark.name, size) + 2, size + 3, taken, inner, far=1 if small else 8
        )
        if label is None:
            continue
        taken.append(label)
        bold = {} if small else {"font_weight": "600"}
        sheet.text(
            label.left + 1,
            label.bottom - 3.5,
            mark.name,
            size,
            QUIET if small else mark.colour,
            stroke=LAND,
            stroke_width=3,
            paint_order="stroke",
            stroke_linejoin="round",
            **bold,
        )
    sheet.y = box.bottom


def rings(sheet: Sheet, goal: tuple[float, float], km_per_unit: float, box: Box) -> None:
    """Circles of round distances about the destination, cut off at the edge of the map."""
    step = round_km(0.45 * MAP_HIGH * km_per_unit)
    wide = box.right - box.left
    circles = "".join(
        f'<circle cx="{goal[0]:.1f}" cy="{goal[1]:.1f}" r="{times * step / km_per_unit:.1f}" fill="none"'
        f' stroke="{LINE}" stroke-width="1.2" stroke-dasharray="3 4"/>'
        for times in (1, 2, 3)
    )
    view = f"{box.left:g} {box.top:g} {wide:g} {MAP_HIGH:g}"
    sheet.add("svg", circles, x=box.left, y=box.top, width=wide, height=MAP_HIGH, viewBox=view)


def scale(sheet: Sheet, km_per_unit: float, box: Box) -> None:
    step = round_km(0.45 * MAP_HIGH * km_per_unit)
    while step / km_per_unit > 120:
        step = round_km(step * 0.6)
    long, x, y = step / km_per_unit, box.left + 10, box.bottom - 9
    sheet.add("path", d=f"M{x:.1f} {y - 4:.1f}v4h{long:.1f}v-4", fill="none", stroke=QUIET, stroke_width=1.2)
    sheet.text(x + long + 6, y + 1, say("scale", km=f"{step:g}"), 11, QUIET)


def arcs(
    sheet: Sheet,
    goal: tuple[float, float],
    shown: Sequence[Mark],
    placed: Sequence[tuple[float, float]],
    taken: Sequence[Box],
) -> list[Box]:
    """Arcs from who sends to the destination, the number of pieces on each; what they take."""
    pills, along = list[Box](), list[Box]()
    for mark, (x, y) in zip(shown, placed, strict=True):
        if not mark.pieces:
            continue
        dx, dy = goal[0] - x, goal[1] - y
        cx, cy = (x + goal[0]) / 2 - 0.18 * dy, (y + goal[1]) / 2 + 0.18 * dx * (1 if dx < 0 else -1)
        thick = min(5.0, 1.6 + 0.5 * mark.pieces)
        sheet.add(
            "path",
            d=f"M{x:.1f} {y:.1f}Q{cx:.1f} {cy:.1f} {goal[0]:.1f} {goal[1]:.1f}",
            fill="none",
            stroke=SENDER,
            stroke_width=thick,
            stroke_linecap="round",
            opacity=0.75,
        )
        said = say("pieces", count=mark.pieces)
        wide = width(said, 11) + 10
        for share in (0.5, 0.42, 0.58, 0.34, 0.66):
            keep = 1 - share
            px = keep * keep * x + 2 * keep * share * cx + share * share * goal[0]
            py = keep * keep * y + 2 * keep * share * cy + share * share * goal[1]
            pill = Box(px - wide / 2, py - 8.5, px + wide / 2, py + 8.5)
            if not any(pill.meets(each) for each in [*taken, *pills]):
                pills.append(pill)
                sheet.add(
                    "rect",
                    x=pill.left,
                    y=pill.top,
                    width=wide,
                    height=17.0,
                    rx=8.5,
                    fill=PAPER,
                    stroke=SENDER,
                )
                sheet.text(px, py + 4, said, 11, SENDER, text_anchor="middle")
                break
        for tenth in range(1, 10):
            share, keep = tenth / 10, 1 - tenth / 10
            px = keep * keep * x + 2 * keep * share * cx + share * share * goal[0]
            py = keep * keep * y + 2 * keep * share * cy + share * share * goal[1]
            along.append(Box(px - 3, py - 3, px + 3, py + 3))
    return [*pills, *along]


def table(
    sheet: Sheet, plan: Decided, ranks: Sequence[Ranked], named: Mapping[int, str], chosen: Collection[int]
) -> None:
    """The best of a round and what each rule says of them."""
    rules = catalogue("fulfillment")["plan"]["rules"]
    heads = [rules[rule] for rule in plan.rules[:MOST_RULES]] or [say("fen")]
    step = 47.0 if len(heads) > 1 else 70.0
    first = WIDE - EDGE - step * len(heads)
    sheet.y += 20
    for column, head in enumerate(heads):
        sheet.text(first + step * (column + 1) - 6, sheet.y, head, 11, QUIET, text_anchor="end")
    for row in ranks[:MOST_ROWS]:
        sheet.y += 22
        mine = row.location_id in chosen
        if mine:
            sheet.add(
                "rect", x=EDGE, y=sheet.y - 15.5, width=WIDE - 2 * EDGE, height=22.0, rx=5, fill="#f7e3d2"
            )
        fill, weight = (SENDER, "600") if mine else (INK, "400")
        name = named.get(row.location_id, str(row.location_id))
        while width(name, 13) > first - EDGE - 10:
            name = name.rstrip("…")[:-1] + "…"
        sheet.text(EDGE + 6, sheet.y, name, 13, fill, font_weight=weight)
        for column, rank in enumerate(row.ranks[: len(heads)]):
            said = f"{rank:g}" if plan.rules else yuan(round(rank))
            sheet.text(
                first + step * (column + 1) - 6,
                sheet.y,
                said,
                13,
                fill,
                text_anchor="end",
                font_weight=weight,
            )
    sheet.y += 4


def picture(plan: Decided, spots: Mapping[int, Spot]) -> str:
    """The plan as SVG. `spots`: every location that is to be named, by its id."""
    named = names(spots, plan.parcels)
    title, to, parts = heading(plan)
    sheet = Sheet()
    sheet.y = 8
    sheet.lines(title, 17, font_weight="700")
    sheet.lines(f"{to} · {parts}", 13, QUIET)
    draw_map(sheet, plan, spots)
    sheet.y += 6
    for number, parcel in enumerate(plan.parcels, 1):
        sheet.y += 10
        sheet.add("circle", cx=EDGE + 9, cy=sheet.y + 14, r=9, fill=SENDER)
        sheet.text(EDGE + 9, sheet.y + 18, str(number), 11, PAPER, text_anchor="middle", font_weight="700")
        sheet.lines(parcel_line(parcel, named[parcel.location_id]), 14, indent=26, font_weight="600")
        sheet.lines(arrives(plan, parcel), 12.5, QUIET, indent=26)
    sheet.y += 14
    sheet.lines(say("why"), 15, font_weight="700")
    sheet.lines(catalogue("fulfillment")["plan"]["strategies"][plan.strategy], 13)
    for number, ranks in enumerate(plan.rounds[:MOST_ROUNDS], 1):
        if not ranks:
            continue
        sheet.y += 6
        if plan.rules:
            before = say("round", number=number) + "：" if len(plan.rounds) > 1 else ""
            sheet.lines(before + reason(plan, ranks, named), 13)
        else:
            sheet.lines(say("priced"), 12.5, QUIET)
        senders = {each.location_id for each in plan.parcels}
        chosen = senders if not plan.rules or plan.strategy == "fewest_parcels" else {ranks[0].location_id}
        table(sheet, plan, ranks, named, chosen)
    if plan.rules and any(len(ranks) > 1 for ranks in plan.rounds):
        sheet.lines(say("lower"), 11.5, QUIET)
    if plan.barriers:
        sheet.y += 12
        sheet.lines(say("others"), 15, font_weight="700")
        for line in hindrances(plan.barriers, named):
            sheet.lines(line, 13, QUIET)
    return sheet.written(f"{title}，{to}", described(plan, spots))
