"""What ECharts is told to draw of a comparison."""

from backoffice.consoles.charts import BOT, PEOPLE, QUIET, Options, base, category, line, value
from backoffice.consoles.words import Words
from backoffice.training.models.domain import SetComparison, Side

MOST_PAIRS = 14
"""Of intents that are taken for each other, the most frequent."""


def of(words: Words, found: SetComparison) -> dict[str, Options]:
    """The charts by name, in the order they are shown."""
    return {"confusions": confusions(words, found), "reliability": reliability(words, found)}


def confusions(words: Words, found: SetComparison) -> Options:
    """Meant on one side, served on the other; a cell says how often now, and in brackets how often before."""
    pairs = list(found.confusions.items())[:MOST_PAIRS]
    meant = list(dict.fromkeys(pair[0] for pair, _ in reversed(pairs)))
    served = list(dict.fromkeys(pair[1] for pair, _ in pairs))
    cells = [
        {
            "value": [served.index(pair[1]), meant.index(pair[0]), now],
            "label": {"formatter": f"{now} ({before})"},
        }
        for pair, (before, now) in pairs
    ]
    names = [[words.known("intent", code) for code in codes] for codes in (served, meant)]
    return base(words, legend=False) | {
        "tooltip": {"confine": True, "formatter": "{c}"},
        "xAxis": category(names[0]) | {"axisLabel": {"color": QUIET, "rotate": 40, "interval": 0}},
        "yAxis": category(names[1]) | {"axisLabel": {"color": QUIET, "interval": 0}},
        "visualMap": {
            "show": False,
            "min": 0,
            "max": max([now for _, (_, now) in pairs], default=1) or 1,
            "inRange": {"color": ["#f6f0e7", "#e0a184", PEOPLE]},
        },
        "series": [{"type": "heatmap", "data": cells, "label": {"show": True, "color": "#2b2420"}}],
    }


def reliability(words: Words, found: SetComparison) -> Options:
    """How often a model was right, by how sure it was; on the diagonal it keeps its word."""
    percent = {"axisLabel": {"formatter": "{value}%"}, "max": 100, "min": 0, "minInterval": None}
    diagonal = {"lineStyle": {"type": "dashed", "width": 1}, "symbol": "none", "silent": True}
    return base(words) | {
        "tooltip": {"trigger": "item", "confine": True},
        "xAxis": value(**percent, name=words("models.confidence"), nameLocation="middle", nameGap=24),
        "yAxis": value(**percent),
        "series": [
            line(words("models.column.before"), BOT, points(found.before)),
            line(words("models.column.after"), PEOPLE, points(found.after)),
            line(words("models.its_word"), QUIET, [[0, 0], [100, 100]]) | diagonal,
        ],
    }


def points(side: Side) -> list[list[float]]:
    return [[round(100 * each.confidence, 1), round(100 * each.accuracy, 1)] for each in side.bins]
