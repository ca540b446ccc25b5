"""Levels of membership: the points from which each is reached, lowest first."""

LEVELS = {"regular": 0, "silver": 2_000, "gold": 8_000, "black": 20_000}


def next_level(level: str, points: int) -> tuple[str, int] | None:
    """The level above and the points still missing (never below 0); None at the top."""
    above = [(name, least) for name, least in LEVELS.items() if least > LEVELS[level]]
    return (above[0][0], max(above[0][1] - points, 0)) if above else None
