"""One history on its stage: its rounds, and the quiet day at the end on which it is judged."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from scenarios import files, world
from tests.simulation import sources
from tests.simulation.books import Books, Effect, Said
from tests.simulation.commands import Operator
from tests.simulation.configuration import autotask_seed, configuration
from tests.simulation.estate import ACCOUNTS, CLOUD, FIRST_DAY, NORTH, SOUTH, Estate, draw
from tests.simulation.hands import AUTOTASK, PARTNER_CENTER, QUIET, Killer, Stage, Trouble, Troubles
from tests.simulation.oracle import Oracle
from tests.simulation.sightings import Line
from tests.simulation.turns import POSTED_THROUGH, Row, Turn, Turns
from tests.simulation.verdict import Problem, judge, resync_posted


@dataclass(frozen=True)
class Size:
    """How long and how wide a history is, and how rough."""

    rounds: int = 8
    families: int = 5
    accounts: tuple[str, ...] = (NORTH, SOUTH, CLOUD)
    calm: bool = False
    """Without kills and faults."""
    moves: bool = True


@dataclass
class History:
    """One seed: its world, what happens in it, and what went wrong."""

    seed: int
    size: Size
    folder: Path
    day: date = FIRST_DAY
    log: list[str] = field(default_factory=list)
    """Kills, faults, and what the operator had to do again."""
    problems: list[Problem] = field(default_factory=list)
    rough_days: set[date] = field(default_factory=set)
    """Days on which calls failed or processes died."""
    said: Said = field(default_factory=Said)
    books: Books | None = None
    """What was read at the end."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.estate: Estate = draw(self.rng, self.size.families, self.size.accounts)
        kinds = (AUTOTASK, PARTNER_CENTER) if CLOUD in self.size.accounts else (AUTOTASK,)
        self.rough = Troubles(self.seed, kinds)
        self.troubles = [self.rough.draw(may_be_silent=number > 0) for number in range(self.size.rounds)]
        days = [FIRST_DAY + timedelta(days=n) for n in range(30)]
        self.oracle = Oracle(ACCOUNTS, self.estate.last(), days)
        silent = [trouble.silence is not None for trouble in self.troubles]
        self.turns = Turns(self.rng, self.estate, self.oracle, self.size.accounts, silent, self.size.moves)
        self.drops = sources.Drops(self.folder, self.estate, self.oracle, self.rng)

    def trouble(self, turn: Turn | None) -> Trouble:
        """What goes wrong in a round; None: one at the end, in which nothing is said."""
        if self.size.calm:
            return QUIET
        return self.troubles[turn.number] if turn else self.rough.draw(may_be_silent=False)

    def set_day(self, day: date) -> None:
        self.day = day
        files.set_clock(self.folder, day)

    def note(self, text: str) -> None:
        self.log.append(f"{self.day} {text}")


class Run:
    """A history's processes."""

    def __init__(self, history: History) -> None:
        self.history = history
        for account in (NORTH, SOUTH):
            (history.folder / account).mkdir()
        history.set_day(FIRST_DAY)
        (history.folder / "cloud-secret").write_text(sources.SECRET)
        seeds = {AUTOTASK: autotask_seed(history.estate)}
        if CLOUD in history.size.accounts:
            seeds[PARTNER_CENTER] = sources.cloud_seed(history.estate, history.rough.token_seconds)
        self.stage = Stage(history.folder, configuration(history.size.accounts), seeds)
        self.operator = Operator(self.stage.cli, history.folder, history.note)
        pc = self.stage.sandboxes.get(PARTNER_CENTER)
        self.cloud = sources.Cloud(pc, history.estate, history.oracle) if pc else None

    def morning(self, day: date | None = None) -> None:
        """The next day (or ``day``). A look at the status comes before anything else: a read that began in the evening
        bears that day, and is not to show what changes today."""
        self.history.set_day(day or self.history.day + timedelta(days=1))
        self.operator.patiently("status")

    # -- a round ----------------------------------------------------------------------------------------------------

    def round(self, turn: Turn, trouble: Trouble) -> None:
        killer = self._make(trouble)
        if turn.posting is not None:
            posting = {"contractID": turn.posting, "through": POSTED_THROUGH.isoformat()}
            self.stage.autotask.post("/_sandbox/post", posting)
            self.operator.patiently("mirror")
        with self._mapped(turn):
            self._deliver(turn, trouble)
            self._collect(trouble)
        self.settle()
        if killer:
            killer.join()
        for sandbox in self.stage.sandboxes.values():
            sandbox.send("DELETE", "/_sandbox/faults")

    def _make(self, trouble: Trouble) -> Killer | None:
        history = self.history
        if trouble.faults or trouble.victim:
            history.rough_days.add(history.day)
        for kind, order in trouble.faults.items():
            self.stage.sandboxes[kind].post("/_sandbox/faults", order)
            history.note(f"{kind} fault {order}")
        if trouble.victim is None:
            return None
        history.note(f"kill {trouble.victim} after {trouble.after:.2f} s")
        killer = Killer(self.stage.up.pid, trouble.victim, trouble.after)
        killer.start()
        return killer

    @contextmanager
    def _mapped(self, turn: Turn) -> Iterator[None]:
        """The round's mappings come before, after or beside the collecting."""
        importing = threading.Thread(target=self._map, args=(turn.mappings,))
        if turn.order != "after":
            importing.start()
        if turn.order == "before":
            importing.join()
        yield
        if turn.order == "after":
            importing.start()
        importing.join()

    def _map(self, tables: list[list[Row]]) -> None:
        day = self.history.day
        for message in self.operator.import_mappings(tables):
            self.history.problems.append(Problem("every mapping taken", message, "`map import` refused", day, day, ()))

    def _deliver(self, turn: Turn, trouble: Trouble) -> None:
        self.history.drops.deliver(turn.day, turn.changed)
        if self.cloud and trouble.silence:
            self.cloud.keep(turn.changed)
        elif self.cloud:
            self.cloud.deliver(turn.changed, turn.delay)
            self.cloud.swept(turn.day)

    def _collect(self, trouble: Trouble) -> None:
        """Until every account was read to its end, as its schedule would, and every end date is there."""
        complete = self.operator.sweep(2 if trouble.silence else 6)
        if self.cloud and complete and trouble.empties:
            self.cloud.swept_empty(self.history.day)
        if self.cloud and not self.cloud.complete():
            world.wait_for(self.cloud.complete, 30, "an end date did not come")
            self.operator.sweep(6)

    def settle(self) -> None:
        """Until nothing is pending, and everything that asks for a person had one."""
        self.operator.drain()
        self.operator.wait_for_claims(self._waiting)

    def _waiting(self) -> list[str]:
        """Those who wait for another account's claim though no account names another line, nor does Autotask show them
        on one (from which their decrease may wait for its day)."""
        history, oracle = self.history, self.history.oracle
        rows = self.operator.patiently("findings", "--all")
        standing = [f for f in history.said.hear(rows, oracle.round) if f.code == "duplicate_sighting"]
        vendors = [vendor for vendor in history.estate.vendors() if any(f.about(vendor) for f in standing)]
        units = self.units(history.day) if vendors else {}
        elsewhere = {
            vendor.id: set(vendor.standing(units)) - oracle.homes(vendor.id, history.day) for vendor in vendors
        }
        return [one for one in elsewhere if not elsewhere[one] and not oracle.several(one, history.day)]

    # -- the end ----------------------------------------------------------------------------------------------------

    def quiet(self) -> None:
        """The day after, and where a period was posted the first open day and the one after it; before that, what
        Partner Center has not said yet."""
        history = self.history
        if history.turns.posted:
            self.morning()  # what waits for its day gets it, before a contract may end on the way to the open day
            self.settle()
            self.morning(POSTED_THROUGH + timedelta(days=1))
            self.settle()
        for _ in range(3):
            if self.cloud is None or not self.cloud.owes():
                break
            self.morning()
            self.round(Turn(history.day), history.trouble(None))
        self.morning()
        self.settle()

    def judge(self) -> int:
        """Compare on the quiet day; the number of effects of ours."""
        history = self.history
        standing = history.said.hear(self.operator.patiently("findings", "--all"), history.oracle.round)
        history.books = Books(
            units={day: self.units(day) for day in history.oracle.days if day <= history.day},
            before=history.estate.before,
            effects=self.effects(),
            findings=list(history.said.findings.values()),
            open=standing,
            rough_days=frozenset(history.rough_days),
            posted=history.turns.posted,
        )
        history.problems += judge(history.oracle, history.estate.vendors(), history.books)
        return len(history.books.effects)

    def units(self, day: date) -> dict[Line, int]:
        rows = self.stage.autotask.get(f"/_sandbox/units?on={day}")
        return {row["contractServiceID"]: row["units"] for row in rows}

    def effects(self) -> list[Effect]:
        rows = self.stage.autotask.get("/_sandbox/effects?after=0")
        return [Effect.read(row) for row in rows if row["by"] == "api"]

    def resync(self, effects: int) -> None:
        """Saying everything again posts nothing."""
        self.operator.patiently("resync", accept=(0,))
        self.operator.drain()
        self.history.problems += resync_posted(effects, len(self.effects()), self.history.day)
