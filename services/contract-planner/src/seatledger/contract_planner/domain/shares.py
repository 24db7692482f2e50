"""Targets: what a line's members ask for, date by date (kernel.md sections 1 and 5)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.state import NOTHING, ZERO, Leaver, LineState, Member
from seatledger.schemas.steps import StepFunction, total


def contribution(member: Member) -> StepFunction:
    """A member's units; ``None`` before it joined: an older state of its source is not billed here. One that rests
    counts no more until it has claimed again."""
    if member.joined_on is None:
        return NOTHING
    joined = NOTHING.replaced_from(member.joined_on, member.asked)
    return joined if member.rests_from is None else joined.before(member.rests_from)


def line_shares(line: LineState, members: Iterable[Member], policy: Policy) -> dict[str, StepFunction]:
    """What each member, and each subscription that leaves or has left, adds to its line.

    Of a leaver what the line holds, up to its leave; the same of other sightings of its vendor id, for its claim goes
    along. Of who has left what the line held; of a member that came back what it held before, too.
    """
    leavers = {_sighting(one.member): one for one in line.leavers.values() if one.with_claim}
    known = {member.id: member for member in members}
    staying = [member for member in known.values() if _sighting(member) not in leavers]
    parts = {key: _since_it_is_back(line, known[key], share) for key, share in shares(staying, policy).items()}
    bound = {key: leavers[_sighting(one)] for key, one in known.items() if _sighting(one) in leavers}
    for key, leaver in {**bound, **line.leavers}.items():
        parts[key] = until_its_leave(line.held_of(key), leaver)
    for key in line.held.keys() - parts.keys():
        parts[key] = _held_until_it_left(line, key)
    return parts


def until_its_leave(held: StepFunction, leaver: Leaver) -> StepFunction:
    return held if leaver.on is None or not leaver.goes else held.before(leaver.on, 0)


def _held_until_it_left(line: LineState, key: str) -> StepFunction:
    left = line.left.get(key)
    return line.held_of(key) if left is None else line.held_of(key).before(left, 0)


def _since_it_is_back(line: LineState, member: Member, share: StepFunction) -> StepFunction:
    held = line.held_of(member.id)
    if member.joined_on is None or not held.days or held.days[0] >= member.joined_on:
        return share
    return _held_until_it_left(line, member.id).replaced_from(member.joined_on, share)


def shares(members: Iterable[Member], policy: Policy) -> dict[str, StepFunction]:
    """What each member adds to its line. Sightings of one vendor id are one subscription: on each date the account
    with the lowest rank that has begun and not ended counts, the others add nothing."""
    sightings: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        sightings[_sighting(member)].append(member)
    return {key: share for group in sightings.values() for key, share in _ranked(group, policy).items()}


def _sighting(member: Member) -> str:
    return f"id/{member.id}" if member.vendor is None else f"vendor/{member.key.resource}/{member.vendor}"


def _ranked(group: list[Member], policy: Policy) -> dict[str, StepFunction]:
    own = {member.id: contribution(member) for member in group}
    if len({member.key.source for member in group}) == 1:
        return own
    given = {member.id: _yielding(member, group, policy) for member in group}
    accounts = _by_account(group, given, policy)
    days = sorted({day for function in given.values() for day in function.days})
    return {
        member.id: StepFunction.of(
            (day, given[member.id].at(day) if _counts(accounts, day) == member.key.source else None) for day in days
        )
        for member in group
    }


def _by_account(group: list[Member], given: Mapping[str, StepFunction], policy: Policy) -> dict[str, StepFunction]:
    """Per account, in the order of ranks, what it shows."""
    ordered = sorted({member.key.source for member in group}, key=lambda name: (policy.source(name).rank, name))
    return {name: total(given[member.id] for member in group if member.key.source == name) for name in ordered}


def _counts(accounts: Mapping[str, StepFunction], day: date) -> str | None:
    """The first account that is not *none* on ``day``; 0 is a number like any other."""
    return next((name for name, function in accounts.items() if function.at(day) is not None), None)


def _yielding(member: Member, group: list[Member], policy: Policy) -> StepFunction:
    """A frozen member of a retired source yields from the first date on which another account's member counts; until
    it froze it had its rank."""
    own = contribution(member)
    if member.frozen_on is None or not policy.source(member.key.source).retired:
        return own
    others = total(contribution(other) for other in group if other.key.source != member.key.source)
    begun = first_day(others)
    return own if begun is None else own.before(max(begun, member.frozen_on))


def first_day(function: StepFunction) -> date | None:
    """The first date on which something counts."""
    return next((step.on for step in function.steps if step.units is not None), None)


def target(
    parts: Mapping[str, StepFunction],
    held: Mapping[str, StepFunction],
    *,
    extra: StepFunction,
    agreed: StepFunction,
    asks_from: date | None = None,
) -> StepFunction | None:
    """The line's target, or None where it asks for nothing: before its first counting member it *is* what is agreed.

    What the line holds of its members counts as begun, so that an end before the day of a join takes its units away.
    """
    asked = total(parts.values())
    starts = [step.on for function in held.values() for step in function.steps[:1]]
    begun = min([*starts, *filter(None, [first_day(asked)])], default=None)
    if begun is None:
        return None
    start = begun if asks_from is None else max(begun, asks_from)
    units = asked.map(lambda units: units or 0)
    return agreed.replaced_from(start, units if extra == ZERO else total([units, extra]))
