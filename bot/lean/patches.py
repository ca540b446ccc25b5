"""All replacements of functions that a turn of a dialogue runs through."""

from bot.lean import answers, constants, graph, rules, sessions  # noqa: F401
