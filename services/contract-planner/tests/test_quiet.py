"""``settle_for_seconds``: real seconds of quiet, kept in memory alone."""

from seatledger.contract_planner.domain.quiet import Quiet


def test_without_a_settling_time_everything_goes_at_once() -> None:
    """0 waits for nothing and remembers nothing."""
    quiet = Quiet()
    assert quiet.settled("c", 1, 0.0, 0.0)
    assert quiet.ripe(1e9) == []


def test_each_change_begins_the_wait_anew() -> None:
    """A company is quiet only when its newest change is old enough."""
    quiet = Quiet()
    assert not quiet.settled("c", 1, 0.0, 60.0)
    assert not quiet.settled("c", 2, 50.0, 60.0)
    assert not quiet.settled("c", 2, 100.0, 60.0)
    assert quiet.ripe(100.0) == []
    assert quiet.ripe(110.0) == ["c"]
    assert quiet.settled("c", 2, 110.0, 60.0)


def test_a_company_that_never_rests_goes_after_ten_times_as_long() -> None:
    """Counted from its first change."""
    quiet = Quiet()
    for second in range(0, 600, 50):
        assert not quiet.settled("c", second, float(second), 60.0)
    assert quiet.settled("c", 1000, 600.0, 60.0)


def test_the_ten_times_are_counted_from_when_something_became_due() -> None:
    """A wish that waited for its day for a month does not make the next change go at once."""
    quiet = Quiet()
    quiet.settled("c", 1, 0.0, 60.0)
    quiet.planned("c", due=0, wishes=1, now=0.0)
    quiet.settled("c", 1, 9000.0, 60.0)
    quiet.planned("c", due=0, wishes=1, now=9000.0)
    assert not quiet.settled("c", 2, 9010.0, 60.0)


def test_with_no_wish_left_the_company_is_forgotten() -> None:
    """The next change begins a wait of its own."""
    quiet = Quiet()
    quiet.settled("c", 1, 0.0, 60.0)
    quiet.planned("c", due=0, wishes=0, now=1.0)
    assert quiet.ripe(1e9) == []
    assert not quiet.settled("c", 1, 5000.0, 60.0)
