"""What ECharts is told to draw of the bot's weeks."""

from collections.abc import Sequence

from backoffice.consoles.charts import BOT, GOOD, PEOPLE, Options, bars, base, category, line, value
from backoffice.consoles.words import Words
from backoffice.conversations.reports.weekly import Weekly
from backoffice.training.review.schemas import Confusion

COLOURS = ("#a5331f", "#c98b2e", "#2e7d4f", "#4f7ca8", "#8a5fa3", "#c2571a", "#5b8f8a", "#9a8a78")
MOST_PAIRS = 10


def of(
    words: Words, weekly: Weekly, misread: Sequence[float | None], confusions: Sequence[Confusion]
) -> dict[str, Options]:
    """The charts by name; `misread` is a share for each week, None where nothing was judged."""
    drawn = {
        "asked": asked(words, weekly),
        "containment": containment(words, weekly),
        "misread": unread(words, weekly, misread),
    }
    return drawn | ({"confusions": pairs(words, confusions[:MOST_PAIRS])} if confusions else {})


def weeks(weekly: Weekly) -> Options:
    return category([f"{week:%m-%d}" for week in weekly.weeks])


def percents(shares: Sequence[float | None]) -> list[float | None]:
    return [None if share is None else round(100 * share, 1) for share in shares]


def percent_axis(**more: object) -> Options:
    return value(axisLabel={"formatter": "{value}%"}, min=0, minInterval=None, **more)


def asked(words: Words, weekly: Weekly) -> Options:
    """The intents asked most, one upon the other."""
    series = [
        bars(words.known("intent", each.intent), colour, list(each.weeks.values()), stack="asked")
        for each, colour in zip(weekly.asked, COLOURS, strict=False)
    ]
    return base(words) | {"xAxis": weeks(weekly), "yAxis": value(), "series": series}


def containment(words: Words, weekly: Weekly) -> Options:
    told = list(weekly.weeks.values())
    rate = percents([each.containment for each in told])
    return base(words) | {
        "xAxis": weeks(weekly),
        "yAxis": [value(), percent_axis(max=100, splitLine={"show": False})],
        "series": [
            bars(words("reports.episodes"), BOT, [each.episodes for each in told]),
            line(words("reports.containment"), GOOD, rate, yAxisIndex=1),
        ],
    }


def unread(words: Words, weekly: Weekly, misread: Sequence[float | None]) -> Options:
    fallback = percents([each.fallback_share for each in weekly.weeks.values()])
    return base(words) | {
        "xAxis": weeks(weekly),
        "yAxis": percent_axis(),
        "series": [
            line(words("insights.column.fallback"), BOT, fallback),
            line(words("insights.column.misread"), PEOPLE, percents(misread)),
        ],
    }


def pairs(words: Words, confusions: Sequence[Confusion]) -> Options:
    names = [
        f"{words.known('intent', each.read_as)} → {words.known('intent', each.meant)}" for each in confusions
    ]
    counts = [each.count for each in confusions]
    return base(words, legend=False) | {
        "xAxis": value(),
        "yAxis": category(names[::-1]),
        "series": [bars(words("insights.column.count"), PEOPLE, counts[::-1])],
    }
