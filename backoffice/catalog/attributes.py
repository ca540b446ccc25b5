"""What a product's facts answer: yes, no, a value, or honestly nothing. Pure rules over `attributes.yml`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from backoffice.catalog.schemas import Fact, FactAnswer

LONGEST_QUESTION = 300
MOST_FACTS = 3
TOLD = 0.6
"""The share of a question's pairs of characters that a fact must hold to be what is asked about."""

Verdict = Literal["yes", "no", "value", "unknown"]


@dataclass(frozen=True)
class Claim:
    """What is asked with yes or no, and how the facts `of` decide it."""

    label: str
    ask: re.Pattern[str]
    of: tuple[str, ...]
    yes: re.Pattern[str] | None
    no: re.Pattern[str] | None
    otherwise: str | None
    say: Mapping[str, str] | None


@dataclass(frozen=True)
class Attribute:
    """What is asked for its value, told by the facts `of`."""

    label: str
    ask: re.Pattern[str]
    of: tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    claims: tuple[Claim, ...]
    attributes: tuple[Attribute, ...]
    denies: re.Pattern[str]
    overview: re.Pattern[str]
    fillers: re.Pattern[str]


@cache
def written() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.load(
        Path(__file__).with_name("attributes.yml").read_text(encoding="utf8"), yaml.BaseLoader
    )
    return loaded


@cache
def lexicon() -> Lexicon:
    found = written()

    def pattern(rule: Mapping[str, Any], name: str) -> re.Pattern[str] | None:
        return re.compile(rule[name]) if name in rule else None

    return Lexicon(
        tuple(
            Claim(
                label,
                re.compile(rule["ask"]),
                tuple(rule["of"]),
                pattern(rule, "yes"),
                pattern(rule, "no"),
                rule.get("else"),
                rule.get("say"),
            )
            for label, rule in found["claims"].items()
        ),
        tuple(
            Attribute(label, re.compile(rule["ask"]), tuple(rule["of"]))
            for label, rule in found["attributes"].items()
        ),
        *(re.compile(found[name]) for name in ("denies", "overview", "fillers")),
    )


def told(facts: Mapping[str, str], of: Iterable[str]) -> list[Fact]:
    """Those of the facts that the product has, in the order of `of`."""
    return [Fact(name=name, value=facts[name]) for name in of if name in facts][:MOST_FACTS]


def decide(claim: Claim, held: Sequence[Fact]) -> tuple[Verdict, list[Fact]]:
    """Whether a claim is true, and the facts that say so; the first fact that decides does."""
    if claim.say is None:
        return ("value", list(held)) if held else ("unknown", [])
    for fact in held:
        if claim.no and claim.no.search(fact.value):
            return "no", [fact]
        if claim.yes and claim.yes.search(fact.value):
            return "yes", [fact]
        if claim.yes is None and claim.no is None:
            return ("no" if lexicon().denies.search(fact.value) else "yes"), [fact]
    if held and claim.otherwise == "no":
        return "no", list(held[:1])
    return ("value", list(held[:1])) if held and held[0].name == claim.label else ("unknown", [])


def answer(text: str, name: str, facts: Mapping[str, str], description: str) -> list[FactAnswer]:
    """What the facts say to a question about the product `name`.

    Nothing at all is asked by a question that only names the product: it gets no answers.
    """
    known = lexicon()
    text = without_name(text[:LONGEST_QUESTION].lower(), name.lower())
    answers = []
    for claim in known.claims:
        if claim.ask.search(text):
            verdict, held = decide(claim, told(facts, claim.of))
            said = claim.say[verdict] if claim.say and verdict in claim.say else ""
            answers.append(FactAnswer(label=claim.label, verdict=verdict, says=said, facts=held))
    for asked in known.attributes:
        if asked.ask.search(text):
            held = told(facts, asked.of)
            answers.append(
                FactAnswer(label=asked.label, verdict="value" if held else "unknown", says="", facts=held)
            )
    answers = without_repeats(answers)
    if answers:
        return answers
    rest = known.fillers.sub("", re.sub(r"[\W_]+", "", text))
    if known.overview.search(rest):
        return []
    return [mentioned(rest, facts, description)]


def without_repeats(answers: Sequence[FactAnswer]) -> list[FactAnswer]:
    """Each fact once; a question that something answers is not unknown for another reading of it."""
    seen: set[str] = set()
    kept = []
    for each in sorted(answers, key=lambda each: each.verdict not in ("yes", "no")):
        fresh = [fact for fact in each.facts if fact.name not in seen]
        seen |= {fact.name for fact in fresh}
        if fresh:
            kept.append(each.model_copy(update={"facts": fresh}))
    return kept or list(answers[:1])


def without_name(text: str, name: str) -> str:
    """A question without the product's name, or what it ends with: `乳胶枕` of `天然乳胶枕`."""
    endings = (name[start:] for start in range(len(name) - 1))
    return next((text.replace(each, "", 1) for each in endings if each in text), text)


def mentioned(rest: str, facts: Mapping[str, str], description: str) -> FactAnswer:
    """The fact, or the sentence of the description, that speaks of what is asked in other words."""
    wanted = pairs(rest)
    sayings = [Fact(name=name, value=value) for name, value in facts.items()]
    sayings += [Fact(name="", value=part) for part in re.split(r"[，。；]", description) if part]
    best = max(
        sayings, key=lambda fact: len(wanted & pairs(f"{fact.name}{fact.value}".lower())), default=None
    )
    if best and wanted and len(wanted & pairs(f"{best.name}{best.value}".lower())) >= TOLD * len(wanted):
        return FactAnswer(label=best.name, verdict="value", says="", facts=[best])
    return FactAnswer(label="", verdict="unknown", says="", facts=[])


def pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)} or {text} - {""}


def all_facts(
    facts: Mapping[str, str],
    *,
    brand: str,
    colours: Sequence[str],
    sizes: Sequence[str],
    weight_g: int,
    warranty_months: int,
    returnable: bool,
) -> dict[str, str]:
    """The facts of a product's page with those that its record tells; the page's own win."""
    words = written()["derived"]
    labels = words["labels"]
    derived = {
        labels["brand"]: brand,
        labels["colours"]: "、".join(colours),
        labels["sizes"]: "、".join(sizes),
        labels["returnable"]: words["returnable"]["yes" if returnable else "no"],
    }
    if weight_g:
        weight = (
            words["kilograms"].format(kilograms=f"{weight_g / 1000:g}")
            if weight_g >= 1000
            else words["grams"].format(grams=weight_g)
        )
        derived[labels["weight"]] = words["weight"].format(weight=weight)
    if warranty_months:
        years, rest = divmod(warranty_months, 12)
        period = (
            words["months"].format(months=warranty_months) if rest else words["years"].format(years=years)
        )
        derived[labels["warranty"]] = words["warranty"].format(years=period)
    return {name: value for name, value in derived.items() if value} | dict(facts)
