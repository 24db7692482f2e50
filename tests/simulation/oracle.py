"""Independent arithmetic: which line must carry a subscription on which day, and with how many seats.

Written from kernel.md sections 5, 6, 7 and 9 alone; shares no code with the services. It is told what the sources said
and which line each mapping names, and answers for each date with what may stand in Autotask: exactly one answer where
the kernel leaves none open, more than one on the days that it lets a change lose. Those are (``Ground.late``):

- section 6: a date is used once, so a change waits for the first free day after it;
- section 6: a posted period takes no change, so it waits for the first open day;
- section 7.3: the units of a member whose new line is not known may stand still;
- section 5: what a frozen member's source said meanwhile counts once it thaws, from its own day or from that one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta

from tests.simulation.ground import Ground
from tests.simulation.sightings import Account, Left, Line, Sighting

Place = tuple[Line | None, int]
"""Where a subscription stands and with how many seats; (None, 0) where it has none."""
NOWHERE: Place = (None, 0)


@dataclass(frozen=True)
class Picture:
    """What may stand, as it was known after one thing that was said on day ``known``."""

    known: date
    places: dict[date, frozenset[Place]]
    instead: dict[date, frozenset[tuple[Left, Place]]]
    """Where it may have stayed because its way was lost before its decrease was out."""
    shown: dict[date, frozenset[int]]
    """What each account says, whether it counts or not."""
    either: dict[date, frozenset[Place]]
    """What stands if the other accounts are heard later: two that speak in one round are heard in any order."""
    homes: dict[date, frozenset[Line]]
    """The lines on which it is meant to stand, without seats too: their dates decide when a change comes."""
    loose: frozenset[date]
    """Days on which the older answer may stand as well."""
    left: frozenset[Line]
    """The lines that it left in this round: what the sweep showed may have been heard before the mappings."""
    found: tuple[Line, date] | None = None
    """The line found after a while without one, and the latest leave before: who was held nowhere since counts there
    from that day (7.1)."""

    def stayed(self, day: date, ground: Ground) -> frozenset[Place]:
        return frozenset(place for left, place in self.instead[day] if ground.may_hold(left))


@dataclass(frozen=True)
class Allowed:
    """What a reader of Autotask may find of one subscription on one date."""

    lines: frozenset[Line | None]
    seats: frozenset[int]
    gap: bool
    """It may also be billed nowhere, if a finding says so."""


class Oracle:
    """Everything that was said, in its order; :meth:`allowed` is the verdict."""

    def __init__(self, accounts: Mapping[str, Account], last: Mapping[Line, date], days: Iterable[date]) -> None:
        """``last``: last day of each line whose contract ends; ``days``: the calendar that is judged."""
        self.accounts = accounts
        self.last = last
        self.days = tuple(days)
        self.sightings: dict[tuple[str, str], Sighting] = {}
        self.of: dict[str, list[Sighting]] = defaultdict(list)
        self.pictures: dict[str, list[Picture]] = defaultdict(list)
        self.round = 0
        self.earlier: dict[str, list[Sighting]] = {}
        """How it stood when this round began; everything is settled between one round and the next."""

    # -- what is said -----------------------------------------------------------------------------------------------

    def next_round(self) -> None:
        self.round += 1
        self.earlier = deepcopy(dict(self.of))

    def meet(self, account: str, subscription: str, vendor: str) -> Sighting:
        key = (account, subscription)
        if key not in self.sightings:
            self.sightings[key] = Sighting(subscription, self.accounts[account], vendor)
            self.of[vendor].append(self.sightings[key])
        return self.sightings[key]

    def said(self, known: date, account: str, subscription: str, status: str, seats: int, since: date) -> None:
        """A source shows a subscription. ``since``: the source's date of this change."""
        sighting = self.sightings[account, subscription]
        if sighting.said(known, status, seats, since):
            self._note(known, sighting)

    def absent(self, known: date, account: str, subscription: str, *, denied: bool = True) -> None:
        """A full list does not have it; ``denied``: nor does its source when it is asked for it alone."""
        sighting = self.sightings[account, subscription]
        if sighting.absent(known, denied):
            self._note(known, sighting)

    def maps(self, known: date, account: str, subscription: str, line: Line | None, *, unmapped: bool = False) -> None:
        """A mapping decided: ``line`` is the one it leads to, None where there is none (``unmapped``: by a person)."""
        sighting = self.sightings[account, subscription]
        over = line is not None and self.last.get(line, known) < known
        if over and (not sighting.joined or line != sighting.stands[-1].line):
            line = None  # a line that takes nothing any more is none to go to (section 7.3)
        was_member = sighting.joined
        sighting.maps(known, line, self.round, unmapped=unmapped)
        if was_member and line is not None:
            leaves = [move.asked for move in sighting.moves[-1:]]
            lost, frozen = sighting.find(known, line, self.round, self.last.get(sighting.stands[-1].line))
            found = (line, min([lost, *leaves])) if lost and not frozen else None
            self._note(known, sighting, lost, found)
        self._note(known, sighting)

    # -- what follows -----------------------------------------------------------------------------------------------

    def _note(
        self, known: date, sighting: Sighting, lost: date | None = None, found: tuple[Line, date] | None = None
    ) -> None:
        waiting = sighting.lost_since is not None and not sighting.frozen
        loose = {day for day in self.days if (lost and lost <= day < known) or (waiting and day >= known)}
        every, earlier = self.of[sighting.vendor], self.earlier.get(sighting.vendor, ())
        first = [sighting, *(one for one in earlier if one.name != sighting.name)]
        left = {move.old for one in every for move in one.moves if move.number == self.round}
        picture = Picture(
            known,
            places={day: frozenset(self._places(every, day)) for day in self.days},
            instead={day: frozenset(self._instead(every, day)) for day in self.days},
            shown={day: frozenset(n for one in every if (n := one.counted.at(day)) is not None) for day in self.days},
            either={day: frozenset(self._places(first, day)) for day in self.days},
            homes={day: frozenset(stand.line for one in every if (stand := one.stand(day))) for day in self.days},
            loose=frozenset(loose),
            left=frozenset(left),
            found=found,
        )
        self.pictures[sighting.vendor].append(picture)

    def _on(self, line: Line, day: date) -> Line | None:
        """A line, unless its contract is over."""
        return line if day <= self.last.get(line, day) else None

    def _places(self, sightings: Sequence[Sighting], day: date) -> set[Place]:
        """On one line the lowest rank that has begun and not ended; where accounts name several lines, one of them.
        The others wait behind it, also where its contract is over: no date frees a claim (section 5)."""
        alive: dict[Line | None, list[tuple[int, int]]] = defaultdict(list)
        stays = False
        for sighting in sightings:
            seats, stand = sighting.counted.at(day), sighting.stand(day)
            if seats is not None and stand is not None:
                alive[self._on(stand.line, day)].append((sighting.account.rank, seats))
                stays |= sighting.frozen or sighting.lost_since is None
        found = {(line, min(ranked)[1]) for line, ranked in alive.items()}
        if not stays and sum(sighting.joined for sighting in sightings) > 1:
            found.add(NOWHERE)  # who only waited behind the other account holds nothing that could stay
        return {place if place[0] and place[1] else NOWHERE for place in found} or {NOWHERE}

    def _instead(self, sightings: Sequence[Sighting], day: date) -> set[tuple[Left, Place]]:
        found: set[tuple[Left, Place]] = set()
        for sighting in sightings:
            seats, stand = sighting.counted.at(day), sighting.stand(day)
            if seats is not None and stand is not None:
                found |= {(left, (self._on(left.line, day), seats)) for left in stand.instead}
        return {(left, place if place[0] else NOWHERE) for left, place in found}

    def allowed(self, vendor: str, ground: Ground) -> dict[date, Allowed]:
        """For each date what may stand in Autotask once nothing is pending."""
        made = _Allowing(self.days, ground)
        for picture in self.pictures[vendor]:
            made.take(picture)
        return made.result()

    # -- at the end -------------------------------------------------------------------------------------------------

    def several(self, vendor: str, day: date) -> bool:
        """Whether two accounts show it, and their mappings do not name one line: then one may wait for the other."""
        homes = [one.home(day) for one in self.of[vendor] if one.alive(day)]
        return len(homes) > 1 and (None in homes or len(set(homes)) > 1)

    def was_lost(self, vendor: str) -> bool:
        """Whether it ever had no line to go to: then nobody can tell on which day it left the old one."""
        return any(picture.loose for picture in self.pictures[vendor])

    def lost(self, vendor: str, day: date) -> bool:
        """Whether a member of it has no line to go to, or no mapping (section 5 and 7.3)."""
        return any(one.joined and one.alive(day) and one.home(day) is None for one in self.of[vendor])

    def due(self, vendor: str, day: date) -> bool:
        """Whether it has seats where it is meant to stand, also where that waits for another account or a contract."""
        ranked: dict[Line, list[tuple[int, int]]] = defaultdict(list)
        for one in self.of[vendor]:
            seats, stand = one.counted.at(day), one.stand(day)
            if seats is not None and stand is not None:
                ranked[stand.line].append((one.account.rank, seats))
        return any(min(sightings)[1] for sightings in ranked.values())

    def homes(self, vendor: str, day: date) -> set[Line]:
        """The lines on which its members are meant to stand, a contract that is over included."""
        return {stand.line for one in self.of[vendor] if (stand := one.stand(day)) is not None}


class _Allowing:
    """Takes the pictures of one vendor's subscription in their order."""

    def __init__(self, days: Iterable[date], ground: Ground) -> None:
        self.ground = ground
        self.days = tuple(days)
        self.lines: dict[date, set[Line | None]] = {day: {None} for day in self.days}
        self.seats: dict[date, set[int]] = {day: {0} for day in self.days}
        self.gap = dict.fromkeys(self.days, False)
        self.before = dict.fromkeys(self.days, frozenset({NOWHERE}))
        self.shown: dict[date, frozenset[int]] = dict.fromkeys(self.days, frozenset())

    def take(self, picture: Picture) -> None:
        stayed = {day: picture.stayed(day, self.ground) for day in self.days}
        now = {day: picture.places[day] | stayed[day] for day in self.days}
        involved = self.lines[picture.known] | {line for line, _ in now[picture.known]} | picture.left
        settled = self.ground.free(involved, picture.known)
        for day in self.days:
            self._day(day, picture, now[day], loose=day in picture.loose or bool(stayed[day]), settled=settled)
        self.before, self.shown = now, picture.shown

    def _day(self, day: date, picture: Picture, places: frozenset[Place], *, loose: bool, settled: date) -> None:
        here = {line for line, _ in places}
        moves = here != {line for line, _ in self.before[day]}
        left = picture.left if day >= picture.known else frozenset()
        homes = picture.homes[day] if moves else frozenset()
        late = loose or self.ground.late(self.lines[day] | here | left | homes, day, picture.known)
        if late and day >= picture.known:
            self.seats[day] |= self.shown[day] | picture.shown[day] | {units for _, units in picture.either[day]}
            self.lines[day] |= left | {line for line, _ in picture.either[day]}
        if late and (moves or loose):  # its unposted steps go with it (section 7.1)
            self.seats[day] |= self.seats.get(day - timedelta(days=1), set())
        if picture.found is not None and picture.found[1] <= day < picture.known:
            self.lines[day].add(picture.found[0])
            self.seats[day] |= picture.shown[day]
        if places == self.before[day]:
            return
        if late:
            self.gap[day] = True
        else:
            self.lines[day], self.seats[day] = set(), set()
            self.gap[day] = self.ground.late(here, day, settled) if moves else self.gap[day]
        self.lines[day] |= here
        self.seats[day] |= {units for _, units in places}

    def result(self) -> dict[date, Allowed]:
        return {
            day: Allowed(frozenset(self.lines[day]), frozenset(self.seats[day]), self.gap[day]) for day in self.days
        }
