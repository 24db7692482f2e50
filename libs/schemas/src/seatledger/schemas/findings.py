"""All that needs a person: raised, counted, and closed by itself when the cause is gone.

The id is rule + subject, so that the same trouble is one finding however often it is met. Money is affected
seats × the line's price a month; unknown is null, never 0.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from seatledger.schemas.base import Instant, Strict, Tolerant
from seatledger.schemas.envelope import EventData
from seatledger.schemas.ids import CompanyId, ConnectionName, ContractId, FindingId, LineId, SourceName
from seatledger.schemas.money import Money


class FindingCode(StrEnum):
    """Every rule that can ask for a person (interface.md, ``findings``)."""

    COMPANY_UNMAPPED = "company_unmapped"
    OFFER_UNMAPPED = "offer_unmapped"
    MEMBER_FROZEN = "member_frozen"
    COMPANY_MISSING = "company_missing"
    COMPANY_INACTIVE = "company_inactive"
    CONTRACT_MISSING = "contract_missing"
    CONTRACT_AMBIGUOUS = "contract_ambiguous"
    CONTRACT_ENDED = "contract_ended"
    DATE_OUTSIDE_CONTRACT = "date_outside_contract"
    LINE_MISSING = "line_missing"
    LINE_AMBIGUOUS = "line_ambiguous"
    PERIOD_POSTED = "period_posted"
    DATE_USED = "date_used"
    SERVICE_INACTIVE = "service_inactive"
    BILLING_CYCLE_UNSUPPORTED = "billing_cycle_unsupported"
    CURRENCY_DIFFERS = "currency_differs"
    PRICE_UNKNOWN = "price_unknown"
    SOURCE_INCOMPLETE = "source_incomplete"
    SOURCE_ROW_BAD = "source_row_bad"
    SOURCE_VALUE_UNKNOWN = "source_value_unknown"
    SOURCE_MASS_DECREASE = "source_mass_decrease"
    DUPLICATE_SIGHTING = "duplicate_sighting"
    FIRST_LINK = "first_link"
    FIRST_DECREASE = "first_decrease"
    BASELINE_UNCLEAR = "baseline_unclear"
    DRIFT = "drift"
    REFUSED = "refused"
    HELD = "held"
    NOT_SEEN = "not_seen"
    READ_LAG = "read_lag"
    PLAN_REJECTED = "plan_rejected"
    MOVE_WAITS = "move_waits"
    UNITS_NOT_OURS = "units_not_ours"
    UNBILLED_DAYS = "unbilled_days"
    DEAD_LETTER = "dead_letter"
    CREDENTIALS = "credentials"
    PERMISSION = "permission"
    PSA_UNREACHABLE = "psa_unreachable"
    BUDGET_SPENT = "budget_spent"


class Subject(Strict):
    """What a finding is about; all that is known, the rest null. It identifies the finding with its code."""

    source: SourceName | None = None
    subscription: str | None = None
    """The source's own id."""
    connection: ConnectionName | None = None
    company: CompanyId | None = None
    contract: ContractId | None = None
    line: LineId | None = None
    file: str | None = None
    """Name of the file."""
    row: int | None = None
    """Row of the file, the header being 1."""
    column: str | None = None
    """Name of the column."""
    detail: str | None = None
    """Tells findings of one rule and place apart (an intent's id, a topic and partition)."""


def finding_identity(code: FindingCode, subject: Subject) -> FindingId:
    """The id of a finding: code and a hash of its subject; short enough to type into ``resolve``."""
    text = subject.model_dump_json(exclude_none=True)
    return FindingId(f"{code.value}-{hashlib.sha256(text.encode()).hexdigest()[:12]}")


@dataclass(frozen=True)
class FindingDraft:
    """What a pure decision says about something that needs a person."""

    code: FindingCode
    subject: Subject
    message: str
    """What is wrong, in one sentence."""
    do: str
    """What to do about it, in one sentence."""
    money_per_month: Money | None = None


class Finding(Tolerant):
    """A row of ``findings_<service>``: what is wrong, what to do, what it costs a month."""

    id: Annotated[FindingId, Field(alias="_id")]
    code: FindingCode
    subject: Subject
    message: str
    do: str
    money_per_month: Money | None = None
    count: int = 1
    """How often the cause was met."""
    opened_at: Instant
    closed_at: Instant | None = None


class FindingRaised(EventData):
    """A finding opened, or its text or money changed."""

    event_type: ClassVar[str] = "FindingRaised"

    id: FindingId
    code: FindingCode
    subject: Subject
    message: str
    """What is wrong, in one sentence."""
    do: str
    """What to do about it, in one sentence."""
    money_per_month: Money | None = None
    """Affected seats × the line's price; null where it is not known."""
    opened_at: Instant
    """When the cause was first met."""


class FindingClosed(EventData):
    """The cause is gone."""

    event_type: ClassVar[str] = "FindingClosed"

    id: FindingId
    code: FindingCode
    subject: Subject
    closed_at: Instant
    """When the cause was found to be gone."""
