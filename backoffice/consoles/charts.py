"""What ECharts is told to draw of a report."""

from datetime import timedelta
from typing import Any

from backoffice.consoles.words import Words
from backoffice.conversations.reports.service import NOTHING, Figures, Report

QUIET, LINE = "#8a7d72", "rgba(138,125,114,.25)"
BOT, PEOPLE, OPEN, GOOD = "#9fb0bf", "#c2571a", "#dccfbf", "#2e7d4f"
Options = dict[str, Any]


def of(words: Words, report: Report) -> dict[str, Options]:
    """The charts by name, in the order they are shown."""
    return {
        "per_day": per_day(words, report),
        "reply_per_day": reply_per_day(words, report),
        "per_hour": per_hour(words, report),
        "per_reason": per_reason(words, report),
    }


def base(words: Words, legend: bool = True) -> Options:
    return {
        "textStyle": {"fontFamily": "inherit", "color": QUIET},
        "grid": {"left": 8, "right": 12, "top": 36 if legend else 12, "bottom": 8, "containLabel": True},
        "legend": {
            "show": legend,
            "type": "scroll",
            "top": 0,
            "left": 0,
            "textStyle": {"color": QUIET},
            "itemWidth": 12,
        },
        "tooltip": {"trigger": "axis", "confine": True},
        "aria": {"enabled": True},
        "animation": False,
    }


def category(values: list[str]) -> Options:
    return {
        "type": "category",
        "data": values,
        "axisLabel": {"color": QUIET, "hideOverlap": True},
        "axisLine": {"lineStyle": {"color": LINE}},
        "axisTick": {"show": False},
    }


def value(**more: Any) -> Options:
    return {
        "type": "value",
        "axisLabel": {"color": QUIET},
        "splitLine": {"lineStyle": {"color": LINE}},
        "minInterval": 1,
        **more,
    }


def bars(name: str, colour: str, data: list[Any], **more: Any) -> Options:
    return {
        "type": "bar",
        "name": name,
        "data": data,
        "itemStyle": {"color": colour},
        "barMaxWidth": 26,
        **more,
    }


def line(name: str, colour: str, data: list[Any], **more: Any) -> Options:
    style = {"itemStyle": {"color": colour}, "lineStyle": {"width": 2}}
    return {
        "type": "line",
        "name": name,
        "data": data,
        "symbolSize": 5,
        "connectNulls": True,
        **style,
        **more,
    }


def every_day(report: Report) -> dict[str, Figures | None]:
    """Each day from the first with episodes to the last, also those without."""
    days = sorted(report.days)
    count = (days[-1] - days[0]).days + 1 if days else 0
    all_days = [days[0] + timedelta(days=number) for number in range(count)]
    return {f"{day:%m-%d}": report.days.get(day) for day in all_days}


def minutes(seconds: float | None) -> float | None:
    """At least 0.1, which is where the scale begins."""
    return None if seconds is None else max(round(seconds / 60, 1), 0.1)


def per_day(words: Words, report: Report) -> Options:
    days = every_day(report)
    told = [each or NOTHING for each in days.values()]
    stacked = {"stack": "episodes"}
    containment = [round(100 * each.containment) if each.containment is not None else None for each in told]
    return base(words) | {
        "xAxis": category(list(days)),
        "yAxis": [value(), value(max=100, splitLine={"show": False}, axisLabel={"formatter": "{value}%"})],
        "series": [
            bars(words("reports.contained"), BOT, [each.contained for each in told], **stacked),
            bars(words("reports.with_people"), PEOPLE, [each.with_people for each in told], **stacked),
            bars(
                words("reports.unfinished"),
                OPEN,
                [each.episodes - each.contained - each.with_people for each in told],
                **stacked,
            ),
            line(words("reports.containment"), GOOD, containment, yAxisIndex=1),
        ],
    }


def reply_per_day(words: Words, report: Report) -> Options:
    days = every_day(report)
    told = [each or NOTHING for each in days.values()]
    return base(words) | {
        "xAxis": category(list(days)),
        "yAxis": value(type="log", min=0.1, minInterval=None),
        "series": [
            line(words("reports.half"), GOOD, [minutes(each.first_reply.p50) for each in told]),
            line(words("reports.ninety"), PEOPLE, [minutes(each.first_reply.p90) for each in told]),
        ],
    }


def per_hour(words: Words, report: Report) -> Options:
    told = [report.hours.get(hour, NOTHING) for hour in range(24)]
    return base(words) | {
        "xAxis": category([f"{hour:02d}" for hour in range(24)]),
        "yAxis": value(),
        "series": [
            bars(words("reports.episodes"), BOT, [each.episodes for each in told]),
            bars(words("reports.handed_over"), PEOPLE, [each.asked for each in told]),
        ],
    }


def per_reason(words: Words, report: Report) -> Options:
    found = sorted(report.reasons.items(), key=lambda pair: pair[1].episodes)
    return base(words, legend=False) | {
        "xAxis": value(),
        "yAxis": category([words.known("reason", reason, words("other_reason")) for reason, _ in found]),
        "series": [bars(words("reports.episodes"), PEOPLE, [each.episodes for _, each in found])],
    }
