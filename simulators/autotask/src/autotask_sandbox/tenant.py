"""Everything that a reset brings back to the seed."""

from __future__ import annotations

from autotask_sandbox.books import Books
from autotask_sandbox.doors import Doors
from autotask_sandbox.faults import Faults
from autotask_sandbox.loading import books_from
from autotask_sandbox.meter import Counters, Threads, Window
from autotask_sandbox.moments import Calendar
from autotask_sandbox.seed import Seed
from autotask_sandbox.switches import Switches


class Tenant:
    """One tenant database with its limits and its faults."""

    def __init__(self, seed: Seed, calendar: Calendar) -> None:
        self.seed = seed
        self.calendar = calendar
        self.doors = Doors(seed.users)
        self.counters = Counters()
        self.faults = Faults()
        self.reset()

    def reset(self) -> None:
        """Back to the seed: books, effects, switches, faults, counters, the hourly window and a clock that was put."""
        self.calendar.put(None)
        self.books: Books = books_from(self.seed, self.calendar)
        self.counters.clear()
        self.faults.clear()
        self.threads = Threads(self.seed.limits.threads)
        self.window = Window(self.seed.limits)
        self.window.foreign = self.faults.foreign_calls

    @property
    def switches(self) -> Switches:
        return self.books.switches

    def switch(self, switches: Switches) -> None:
        """New behaviour from now on; rows already there are shown in the new way too."""
        self.books.switches = switches
        self.books.show_all()
