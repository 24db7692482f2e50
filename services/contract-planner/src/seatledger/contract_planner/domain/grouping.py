"""Which items belong together: approved, withdrawn and ordered together (kernel.md section 8, decision 0023)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.moving import holds
from seatledger.contract_planner.domain.plans import Asked
from seatledger.contract_planner.domain.reporting import Line
from seatledger.contract_planner.domain.state import CompanyDocument, Leaver, LineState
from seatledger.schemas.ids import LineId

Tied = Mapping[LineId, frozenset[LineId]]


def grouped(asked: Iterable[Asked]) -> list[Asked]:
    """Every item with its group, groups side by side, in each the earlier day first and the minus before the plus.

    A group is what stands on one line, and on every line to which a decrease of it takes units. Where one item of it
    needs a person they all do. An item that has its group already came with the yes to a decrease, and asks nobody.
    """
    found = list(asked)
    tied = _tied(found)
    reasons: dict[frozenset[LineId], str] = {}
    for one in found:
        if one.asks:
            reasons.setdefault(tied[one.line.line], one.asks)
    named = [one if one.item.group else _named(one, tied[one.line.line], reasons) for one in found]
    first = {one.item.group: place for place, one in reversed(list(enumerate(named)))}
    return sorted(named, key=lambda one: (first[one.item.group], one.wish.on, not one.item.moves))


def _named(one: Asked, lines: frozenset[LineId], reasons: Mapping[frozenset[LineId], str]) -> Asked:
    item = one.item.model_copy(update={"group": "+".join(map(str, sorted(lines)))})
    return replace(one, item=item, asks=one.asks or reasons.get(lines, ""))


def _tied(asked: Iterable[Asked]) -> Tied:
    """Per line the lines that its decreases tie it to, itself included."""
    tied: dict[LineId, frozenset[LineId]] = {}
    for one in asked:
        lines = [one.line.line, *(moved.line for moved in one.item.moves)]
        together = frozenset[LineId]().union(*(tied.get(line, {line}) for line in lines))
        tied |= dict.fromkeys(together, together)
    return tied


def minus_first(lines: Iterable[Line]) -> list[Line]:
    """Lines in the order in which they release: those that subscriptions leave before those to which they go."""
    return sorted(lines, key=lambda line: not line.seen.state.leavers)


def plus_comes(document: CompanyDocument, line: Line, facts: Facts) -> bool:
    """Whether units are on their way to this line that its first wish would shut out: a day is used once, so they would
    come a day too late. It waits from their decrease's release to their join, and takes them in.

    Where the line itself gives units away it does not wait: two lines that change members would wait for each other.
    """
    if line.head is None or line.seen.state.leavers:
        return False
    day = line.head.on
    return any(
        leaver.on is not None and leaver.on <= day and _goes_to(document, line, leaver, facts)
        for other in document.lines.values()
        for leaver in other.leavers.values()
        if _lets_go(other, leaver)
    )


def _lets_go(line: LineState, leaver: Leaver) -> bool:
    """Whether its old line lets go of it by itself. What waits there for a person, be it of a subscription of which the
    line holds nothing, makes no other line wait (kernel.md section 9.7)."""
    return not holds(line, leaver.id) if line.released is None else line.released.awaited


def _goes_to(document: CompanyDocument, line: Line, leaver: Leaver, facts: Facts) -> bool:
    row = facts.moves.get(leaver.id)
    return row is not None and (row.company, row.line) == (document.id, line.seen.state.line)
