"""Every disagreement between what stands in Autotask and what kernel.md sections 2, 5, 6, 7 and 9 allow.

Each judgement is a function of the oracle, the vendors' subscriptions and the books; ``JUDGEMENTS`` has them all, and
``test_verdict.py`` shows each of them disagreeing with a wrong outcome.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tests.simulation.books import FOREIGN, Books, Finding, Vendor, digits
from tests.simulation.ground import Ground
from tests.simulation.oracle import Allowed, Oracle
from tests.simulation.sightings import Line


@dataclass(frozen=True)
class Problem:
    """One disagreement; ``vendor`` and ``lines`` say whose history explains it."""

    expected: str
    seen: str
    why: str
    """The rule, for a reader of the kernel."""
    first: date
    last: date
    lines: tuple[Line, ...]
    vendor: Vendor | None = None


NOWHERE = "Autotask shows it nowhere"
Judgement = Callable[[Oracle, Sequence[Vendor], Books], Iterator[Problem]]


def judge(oracle: Oracle, vendors: Sequence[Vendor], books: Books) -> list[Problem]:
    """All judgements, in the order in which a reader wants them: those of one subscription together."""
    found = [problem for judgement in JUDGEMENTS for problem in judgement(oracle, vendors, books)]
    return sorted(found, key=lambda problem: problem.vendor.id if problem.vendor else "")


def used_twice(_oracle: Oracle, _vendors: Sequence[Vendor], books: Books) -> Iterator[Problem]:
    """Section 9.5: at most one effect a line and date."""
    used = Counter((effect.line, effect.day) for effect in books.effects)
    for (line, day), times in used.items():
        if times > 1:
            why = "a date of a line is used once, ever (kernel 9.5)"
            yield Problem("one adjustment", f"Autotask has {times}", why, day, day, (line,))


def minus_first(oracle: Oracle, vendors: Sequence[Vendor], books: Books) -> Iterator[Problem]:
    """Section 7.1: at no moment in the order of Autotask's effects does a day stand on two lines."""
    days = sorted(books.units)
    now = {
        line: {day: units for day in days if day <= oracle.last.get(line, day)} for line, units in books.before.items()
    }
    told = set()
    for effect in sorted(books.effects, key=lambda effect: effect.seq):
        for day in now[effect.line]:
            now[effect.line][day] += effect.change if day >= effect.day else 0
        for vendor in [vendor for vendor in vendors if effect.line in vendor.lines and vendor.id not in told]:
            stands = {day: {line: now[line][day] for line in vendor.lines if day in now[line]} for day in days}
            twice = [day for day, units in stands.items() if len(vendor.standing(units)) > 1]
            if twice:
                told.add(vendor.id)
                seen = f"with adjustment {effect.seq} it stood on two lines, for a while"
                why = "the old line is decreased before the new one is increased (kernel 7.1)"
                yield Problem("minus first", seen, why, twice[0], twice[-1], vendor.lines, vendor)


def units(oracle: Oracle, vendors: Sequence[Vendor], books: Books) -> Iterator[Problem]:
    """Sections 5, 6, 7 and 9.10: each subscription on each date; equal days in a row are one disagreement."""
    ground = books.ground()
    for vendor in vendors:
        before: Problem | None = None
        for day, may in oracle.allowed(vendor.id, ground).items():
            problem = _wrong(vendor, day, may, books) if day in books.units else None
            if problem and problem.seen == NOWHERE and may.gap:
                problem = _gap(oracle, ground, problem, may, books)
            if before and problem and (problem.expected, problem.seen) == (before.expected, before.seen):
                problem = replace(problem, first=before.first)
            elif before:
                yield before
            before = problem
        if before:
            yield before


def _wrong(vendor: Vendor, day: date, may: Allowed, books: Books) -> Problem | None:
    stands = vendor.standing(books.units[day])
    line, digit = next(iter(stands.items()), (None, 0))
    if len(stands) <= 1 and line in may.lines and digit in may.seats:
        return None
    expected = f"{_listed(may.seats)} seats on {_lines(may)}"
    lines = tuple(stands) + tuple(line for line in may.lines if line is not None and line not in stands)
    if len(stands) > 1:
        why = "a day is billed on one line (kernel 9.10)"
        return Problem(expected, f"billed twice, on {_said(stands)}", why, day, day, lines, vendor)
    seen = f"Autotask shows {_said(stands)}" if stands else NOWHERE
    return Problem(expected, seen, "what sources and mappings said (kernel 5 to 7)", day, day, lines, vendor)


def _gap(oracle: Oracle, ground: Ground, problem: Problem, may: Allowed, books: Books) -> Problem | None:
    """A day on no line may be lost where the line that takes it up had used a day until then (sections 6 and 9.10),
    and only with its finding. Who ever had no line to go to may have been held nowhere without that."""
    vendor, day = problem.vendor, problem.first
    if vendor is None:
        return problem
    back = min((on for on in books.units if on > day and vendor.standing(books.units[on])), default=date.max)
    takers = vendor.standing(books.units.get(back, {})) or may.lines
    taken = any(ground.taken(line, day, back) for line in takers if line is not None)
    if not taken and not oracle.was_lost(vendor.id):
        return problem
    if any(f.code == "unbilled_days" and f.about(vendor) and f.covers(day) for f in books.findings):
        return None
    why = "a day on no line is a finding (kernel 9.10)"
    return replace(problem, seen="billed nowhere, without unbilled_days", why=why)


def _lines(may: Allowed) -> str:
    return " or ".join(sorted("no line" if line is None else f"line {line}" for line in may.lines))


def _said(stands: Mapping[Line, int]) -> str:
    return " and ".join(f"line {line} with {digit}" for line, digit in stands.items())


def _listed(values: frozenset[int]) -> str:
    return " or ".join(str(value) for value in sorted(values))


def foreign(oracle: Oracle, vendors: Sequence[Vendor], books: Books) -> Iterator[Problem]:
    """Section 2: what was there before stays until the line is linked, and goes with the first link."""
    today = books.today
    shown = {line: books.units[min(today, oracle.last.get(line, today))][line] for line in books.before}
    ours = {effect.line for effect in books.effects}
    ours |= {line for vendor in vendors for line in vendor.standing(shown)}
    for line, found in shown.items():
        if line in ours and digits(found)[FOREIGN]:
            seen, why = f"{digits(found)[FOREIGN]} beside ours", "they go with the first link (kernel 2)"
            yield Problem("no units of others", seen, why, today, today, (line,))
        elif line not in ours and found != books.before[line]:
            why = "a line that was never linked is left alone (kernel 2)"
            yield Problem(f"{books.before[line]} units", f"{found}, without any of ours", why, today, today, (line,))


def billed_after_all(oracle: Oracle, vendors: Sequence[Vendor], books: Books) -> Iterator[Problem]:
    """Section 9.10 the other way round: days that ``unbilled_days`` names were billed on none."""
    for finding in [finding for finding in books.findings if finding.code == "unbilled_days"]:
        for vendor in [one for one in vendors if finding.about(one) and not _taken_back(oracle, one, finding)]:
            billed = {day: vendor.standing(now) for day, now in books.units.items() if finding.covers(day)}
            days = sorted(day for day, stands in billed.items() if stands)
            if days:
                lines = tuple(billed[days[0]])
                seen = f"billed on {_said(billed[days[0]])}"
                yield Problem("no line, says unbilled_days", seen, finding.message, days[0], days[-1], lines, vendor)


def _taken_back(oracle: Oracle, vendor: Vendor, finding: Finding) -> bool:
    """Whether a mapping took the cause away after the finding told what was so then: one of a later round, or one of
    the same round that leads elsewhere than to the line which the finding names."""
    decided = max(sighting.decided for sighting in oracle.of[vendor.id])
    elsewhere = finding.line not in oracle.homes(vendor.id, finding.opened)
    return decided > finding.number or (decided == finding.number and elsewhere)


def left_open(oracle: Oracle, vendors: Sequence[Vendor], books: Books) -> Iterator[Problem]:
    """Section 5 and 7.6: at the end nobody waits for another account's claim or for an old line, unless accounts name
    different lines or no line is known to go to."""
    for finding in books.open:
        for vendor in [one for one in vendors if finding.about(one)]:
            if not _may_stand(oracle, vendor, finding, books.today):
                lines = (finding.line,) if finding.line else ()
                seen = f"{finding.code} is open since {finding.opened}"
                yield Problem("nothing waits", seen, finding.message, finding.opened, books.today, lines, vendor)


def _may_stand(oracle: Oracle, vendor: Vendor, finding: Finding, today: date) -> bool:
    match finding.code:
        case "duplicate_sighting":
            return oracle.several(vendor.id, today)
        case "move_waits":
            return oracle.several(vendor.id, today) or oracle.lost(vendor.id, today)
        case _:
            return True


def unsaid(oracle: Oracle, vendors: Sequence[Vendor], books: Books) -> Iterator[Problem]:
    """Section 9.3: who has seats and is billed nowhere at the end, or waits for a mapping, stands as a finding: its
    own, or of the line on which it should be (a contract that is over, a change that was refused)."""
    today = books.today
    for vendor in vendors:
        stands = vendor.standing(books.units[today])
        hidden = not stands and oracle.due(vendor.id, today)
        homes = oracle.homes(vendor.id, today)
        said = [finding for finding in books.open if finding.about(vendor) or (hidden and finding.line in homes)]
        if not said and (hidden or oracle.lost(vendor.id, today)):
            seen = f"none is open, and {_said(stands) if stands else 'no line'} bills it"
            why = "every change is settled or stands as a finding (kernel 9.3)"
            yield Problem("a finding", seen, why, today, today, tuple(stands) or tuple(homes), vendor)


def resync_posted(before: int, after: int, day: date) -> Iterator[Problem]:
    """Section 9.6: what is said again changes nothing."""
    if after != before:
        why = "saying everything again posts nothing (kernel 9.6)"
        yield Problem("no adjustment by `resync`", f"{after - before} more", why, day, day, ())


JUDGEMENTS: tuple[Judgement, ...] = (used_twice, minus_first, units, foreign, billed_after_all, left_open, unsaid)
