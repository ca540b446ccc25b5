"""Money as an integer of fen (1/100 yuan) with a currency."""


def yuan(fen: int) -> str:
    """`12900` -> `¥129`, `12950` -> `¥129.50`, `-5` -> `-¥0.05`."""
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    whole, rest = divmod(fen, 100)
    return f"{sign}¥{whole}.{rest:02d}" if rest else f"{sign}¥{whole}"


def apportion(total: int, weights: list[int]) -> list[int]:
    """Split `total` fen in proportion to `weights` by largest remainder; the parts sum to `total`.

    Raises `ValueError` when there is nothing to share it among.
    """
    whole = sum(weights)
    if whole <= 0:
        raise ValueError("no weight to share by")
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: total * weights[i] % whole, reverse=True)
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts
