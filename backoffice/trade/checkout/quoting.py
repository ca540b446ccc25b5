"""What a basket costs: promotions, then one coupon, then points, to the fen. Pure.

Allowed is every choice of promotions of which no line takes part in two of one group. Of these the quote
takes the one that costs least, of equal ones the one with more gifts, then the first in order of priority
and id. So another promotion never makes a basket dearer, and the order of its lines changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from backoffice.kit.money import apportion
from backoffice.trade.offers.domain import Gain, Line, Offer, Refusal, Source, Who

MOST_VISITED = 5000
"""Steps of the search, far more than promotions made for people need; then the best so far is taken."""


@dataclass(frozen=True)
class PointsRule:
    """A point pays `fen_per_point`; points pay at most `most_percent` of what discounts leave."""

    fen_per_point: int = 1
    most_percent: int = 50


@dataclass(frozen=True)
class Discount:
    """What one offer takes off one line or off all of them."""

    source: Source
    id: int
    version: int
    name: str
    off_fen: int


@dataclass(frozen=True)
class QuotedLine:
    """`list_fen` = the discounts + `points_fen` + `paid_fen`, for the whole line."""

    line: Line
    discounts: tuple[Discount, ...]
    points_fen: int
    paid_fen: int

    @property
    def list_fen(self) -> int:
        return self.line.price_fen * self.line.quantity


@dataclass(frozen=True)
class QuotedGift:
    promotion_id: int
    name: str
    sku_id: int
    quantity: int


@dataclass(frozen=True)
class Refused:
    """A coupon that does not count, and how much is missing for it, in fen or pieces."""

    coupon_id: int
    reason: Refusal
    missing: int = 0


@dataclass(frozen=True)
class Quote:
    """Sums of the lines, which come as they were asked; `offers` are all that count, those of gifts too.

    `total_fen` is to be paid for the goods: postage is not in it.
    """

    lines: tuple[QuotedLine, ...]
    gifts: tuple[QuotedGift, ...]
    offers: tuple[Discount, ...]
    refused: tuple[Refused, ...]
    list_fen: int
    discount_fen: int
    points: int
    points_fen: int
    total_fen: int

    @property
    def coupon_id(self) -> int | None:
        return next((offer.id for offer in self.offers if offer.source == "coupon"), None)


@dataclass(frozen=True)
class Use:
    """An offer with what it gives to the lines at `places`."""

    offer: Offer
    places: tuple[int, ...]
    gain: Gain


@dataclass(frozen=True)
class State:
    """What each line costs by now; `taken` are (group, line) pairs."""

    amounts: tuple[int, ...]
    taken: frozenset[tuple[str, int]] = frozenset()
    uses: tuple[Use, ...] = ()

    @property
    def cost(self) -> tuple[int, int]:
        """Smaller is better: fen, then fewer gifts missing."""
        return sum(self.amounts), -sum(use.gain.gifts for use in self.uses)


@dataclass(frozen=True)
class Candidate:
    offer: Offer
    places: tuple[int, ...]
    most: Gain


class Search:
    """Branch and bound over the promotions in their order: with each, then without it."""

    def __init__(self, lines: Sequence[Line], promotions: Sequence[Offer], coupons: Sequence[Offer]) -> None:
        self.pieces = [line.quantity for line in lines]
        self.lines = lines
        self.start = State(tuple(line.price_fen * line.quantity for line in lines))
        self.promotions = self._candidates(promotions)
        self.coupons = self._candidates(coupons)
        coupon = max((sum(each.most.off) for each in self.coupons), default=0)
        coupon_gifts = max((each.most.gifts for each in self.coupons), default=0)
        ahead = [(sum(each.most.off), each.most.gifts) for each in reversed(self.promotions)]
        self.ahead = list(
            accumulate(
                ahead, lambda all, one: (all[0] + one[0], all[1] + one[1]), initial=(coupon, coupon_gifts)
            )
        )[::-1]
        self.visited, self.finished = 0, False
        self.best = self.start

    def _candidates(self, offers: Sequence[Offer]) -> list[Candidate]:
        """Those which could give something if they stood alone."""
        found = []
        for offer in sorted(offers, key=lambda offer: (offer.terms.priority, offer.id)):
            places = self.places(offer)
            alone = self.used(self.start, offer, places)
            if alone:
                found.append(Candidate(offer, places, alone.uses[0].gain))
        return found

    def places(self, offer: Offer) -> tuple[int, ...]:
        return tuple(place for place, line in enumerate(self.lines) if offer.terms.cover(line))

    def run(self) -> State:
        self._explore(self.start, 0)
        return self.best

    def _explore(self, state: State, step: int) -> None:
        (cost, fewer), (off, gifts) = state.cost, self.ahead[step]
        self.visited += 1
        hopeless = (cost - off, fewer - gifts) >= self.best.cost or self.visited > MOST_VISITED
        if self.finished and hopeless:
            return
        if step == len(self.promotions):
            self.finished = True
            coupled = [self.used(state, each.offer, each.places) for each in self.coupons]
            self.best = min([self.best, state, *filter(None, coupled)], key=lambda each: each.cost)
            return
        candidate = self.promotions[step]
        if used := self.used(state, candidate.offer, candidate.places):
            self._explore(used, step + 1)
        self._explore(state, step + 1)

    def free(self, state: State, offer: Offer, places: Sequence[int]) -> tuple[int, ...]:
        """The lines that may still take part in the offer."""
        group = offer.terms.group
        if offer.terms.per == "order" and any(taken == group for taken, _ in state.taken):
            return ()
        return tuple(place for place in places if (group, place) not in state.taken)

    def used(self, state: State, offer: Offer, places: Sequence[int]) -> State | None:
        """The state after an offer; None when it gives nothing."""
        free = self.free(state, offer, places)
        parts = [(state.amounts[place], self.pieces[place]) for place in free]
        gain = offer.terms.rule.gain(parts) if free else None
        if gain is None:
            return None
        amounts = list(state.amounts)
        for place, off in zip(free, gain.off, strict=True):
            amounts[place] -= off
        counted = [place for place, counts in zip(free, gain.counted, strict=True) if counts]
        closed = range(len(amounts)) if offer.terms.per == "order" else counted
        taken = state.taken | {(offer.terms.group, place) for place in closed}
        return State(tuple(amounts), taken, (*state.uses, Use(offer, free, gain)))

    def refusal(self, state: State, coupon: Offer) -> Refused:
        """Why a coupon that is open to the shopper adds nothing to a state."""
        places = self.places(coupon)
        if not places:
            return Refused(coupon.id, "no_goods")
        free = self.free(state, coupon, places)
        if not free:
            return Refused(coupon.id, "not_together")
        rule = coupon.terms.rule
        short = rule.from_fen - sum(state.amounts[place] for place in free)
        if short > 0:
            return Refused(coupon.id, "too_little", short)
        few = rule.from_pieces - sum(self.pieces[place] for place in free)
        return Refused(coupon.id, "too_few", few) if few > 0 else Refused(coupon.id, "better_without")


def quote(
    lines: Sequence[Line],
    promotions: Sequence[Offer],
    who: Who,
    coupons: Sequence[Offer] = (),
    points: int = 0,
    rule: PointsRule = PointsRule(),
) -> Quote:
    """The best price of a basket with at most one of `coupons`, and as many of `points` as may be used.

    Lines have a quantity of at least one. Offers that do not run, here or for this level, are left out.
    """
    order = sorted(
        range(len(lines)), key=lambda at: (lines[at].sku_id, lines[at].price_fen, lines[at].quantity)
    )
    closed = {coupon.id: reason for coupon in coupons if (reason := coupon.closed_to(who))}
    search = Search(
        [lines[at] for at in order],
        [offer for offer in promotions if not offer.closed_to(who)],
        [coupon for coupon in coupons if coupon.id not in closed],
    )
    best = search.run()
    left = sum(best.amounts)
    used = max(min(points, left * rule.most_percent // 100 // rule.fen_per_point), 0)
    points_fen = used * rule.fen_per_point
    shares = apportion(points_fen, list(best.amounts)) if points_fen else [0] * len(lines)
    quoted: dict[int, QuotedLine] = {}
    for place, at in enumerate(order):
        discounts = tuple(
            discount(use, use.gain.off[use.places.index(place)])
            for use in best.uses
            if place in use.places and use.gain.off[use.places.index(place)]
        )
        quoted[at] = QuotedLine(lines[at], discounts, shares[place], best.amounts[place] - shares[place])
    whole = sum(line.list_fen for line in quoted.values())
    counted = {use.offer.id for use in best.uses if use.offer.source == "coupon"}
    return Quote(
        lines=tuple(quoted[at] for at in range(len(lines))),
        gifts=tuple(gift for use in best.uses if (gift := gift_of(use))),
        offers=tuple(discount(use, sum(use.gain.off)) for use in best.uses),
        refused=tuple(
            Refused(coupon.id, closed[coupon.id]) if coupon.id in closed else search.refusal(best, coupon)
            for coupon in coupons
            if coupon.id not in counted
        ),
        list_fen=whole,
        discount_fen=whole - left,
        points=used,
        points_fen=points_fen,
        total_fen=left - points_fen,
    )


def discount(use: Use, off_fen: int) -> Discount:
    offer = use.offer
    return Discount(offer.source, offer.id, offer.version, offer.name, off_fen)


def gift_of(use: Use) -> QuotedGift | None:
    rule = use.offer.terms.rule
    if rule.kind != "gift":
        return None
    return QuotedGift(use.offer.id, use.offer.name, rule.sku_id, use.gain.gifts)
