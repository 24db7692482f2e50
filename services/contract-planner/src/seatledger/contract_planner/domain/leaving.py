"""What lines tell each other of a subscription that moves between them (kernel.md section 7)."""

from datetime import date

from seatledger.schemas.base import Strict
from seatledger.schemas.ids import CompanyId, LineId, PlanId
from seatledger.schemas.steps import StepFunction


class Awaited(Strict):
    """A line that may still hold a subscription, so that no other line may count it yet (kernel.md section 7.2)."""

    company: str
    """Id of the company document."""
    line: LineId
    why: str = ""
    """Why its decrease waits; "" while it goes on by itself."""


class MoveYes(Strict):
    """A person's yes to a decrease whose plan showed the plus on another line (kernel.md section 7.6)."""

    by: str
    plan: PlanId
    company: CompanyId
    line: LineId
    units: int
    on: date
    group: str = ""
    """Of the decrease: the plus belongs to it."""


class Known(Strict):
    """What a subscription asked for while it was one company's: its unposted steps go with it to the line that counts
    next. ``asked`` speaks from ``since`` on, until what a higher mapping revision knows."""

    revision: int
    since: date
    asked: StepFunction


class Left(Strict):
    """The note of a leave under one mapping revision. ``until`` is the day from which the line holds nothing of the
    subscription, None where it never held anything of it."""

    revision: int
    until: date | None
