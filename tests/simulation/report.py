"""What a person reads of a history: a line a seed, and where it disagrees what, where, when and why."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from tests.simulation.books import Books, Effect, Finding, Vendor, digits
from tests.simulation.estate import Estate
from tests.simulation.verdict import Problem

Log = list[tuple[str | None, str]]
"""Vendor's subscription (None: all), what happened."""


def disagreements(problems: list[Problem], estate: Estate, log: Log, books: Books) -> Iterator[str]:
    """Each disagreement, and once for all of a subscription what happened to it."""
    numbered = enumerate(problems, 1)
    for vendor, group in groupby(numbered, lambda entry: entry[1].vendor):
        entries = list(group)
        for number, problem in entries:
            yield f"  {number}. {where(problem, estate)}: expected {problem.expected}; {problem.seen}"
            yield f"     why: {problem.why}"
        lines = {line for _, problem in entries for line in problem.lines}
        yield from (f"       {text}" for text in _happened(vendor, lines, log, books))


def where(problem: Problem, estate: Estate) -> str:
    """Company, lines, subscription, dates."""
    owners = {line: family.contracts[family.lines[line][0]] for family, line in estate.lines()}
    companies = sorted({owners[line] for line in problem.lines if line in owners})
    words = [_named("company", companies, "companies"), _named("line", problem.lines, "lines")]
    if problem.vendor:
        words.append(f"subscription {problem.vendor.id}")
    words.append(f"{problem.first}" + (f" to {problem.last}" if problem.last != problem.first else ""))
    return ", ".join(word for word in words if word)


def _named(one: str, numbers: Iterable[int], several: str) -> str:
    texts = [str(number) for number in numbers]
    return "" if not texts else f"{one if len(texts) == 1 else several} {' and '.join(texts)}"


def _happened(vendor: Vendor | None, lines: set[int], log: Log, books: Books) -> Iterator[str]:
    yield from (text for about, text in log if about is None or (vendor and about == vendor.id))
    for effect in books.effects:
        if effect.line in (vendor.lines if vendor else lines):
            change = _changed(vendor, effect, books)
            if change:
                yield f"adjustment {effect.seq}, from {effect.day}: line {effect.line} {change}"
    for finding in [finding for finding in books.findings if _concerns(finding, vendor, lines)]:
        yield f"finding {finding.code}, {_span(finding, books)}: {finding.message}"


def _changed(vendor: Vendor | None, effect: Effect, books: Books) -> str:
    """What an adjustment did to the subscription: its seats before and after; for a whole line the units."""
    before, after = _stood(effect, books)
    if vendor is None:
        return f"{before} → {after} units"
    first, then = digits(before)[vendor.slot], digits(after)[vendor.slot]
    return f"{first} → {then} seats" if first != then else ""


def _stood(effect: Effect, books: Books) -> tuple[int, int]:
    """The line's units on the adjustment's day, before and after it."""
    earlier = [other for other in books.effects if other.seq < effect.seq and other.line == effect.line]
    before = books.before[effect.line] + sum(other.change for other in earlier if other.day <= effect.day)
    return before, before + effect.change


def _concerns(finding: Finding, vendor: Vendor | None, lines: set[int]) -> bool:
    return bool(vendor and finding.about(vendor)) or (not finding.subscription and finding.line in lines)


def _span(finding: Finding, books: Books) -> str:
    """From when to when; of one that changed its words while it stood, when it opened."""
    if any((one.id, one.message) == (finding.id, finding.message) for one in books.open):
        return f"{finding.opened}, still open"
    closed = finding.closed or finding.opened
    return f"{finding.opened}" if closed == finding.opened else f"{finding.opened} to {closed}"
