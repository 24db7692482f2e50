"""The stored state of an MSP with 100,000 subscriptions on 20,000 contracts, as mapper and PSA writer leave it.

A company has two contracts of five lines; every line has one subscription whose mapping has just come, and none was
ever planned. A source of its own asks for more than stands in Autotask, so that each subscription has to be assigned,
wished for, planned and released.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from bench.samples import MAIN, NOW, SOURCE, changed
from seatledger.contract_planner.domain.members import hear
from seatledger.contract_planner.domain.ready import ReadyDocument
from seatledger.contract_planner.domain.state import CompanyDocument, new_company
from seatledger.schemas.base import Json
from seatledger.schemas.book import LINES, LineBook, Trust
from seatledger.schemas.documents import Document
from seatledger.schemas.envelope import Cause
from seatledger.schemas.heads import COMPANIES, READINESS
from seatledger.schemas.ids import CompanyId, CompanyKey, ContractId, LineId, ServiceId, join
from seatledger.schemas.intents import LineRef
from seatledger.schemas.mirror import (
    PSA_CONTRACTS,
    PSA_LINES,
    PSA_MIRRORS,
    MirrorContract,
    MirrorLine,
    MirrorState,
    UnitRow,
)
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, Mapped, SubscriptionMapped

CONTRACTS, LINES_EACH = 2, 5
SUBSCRIPTIONS = CONTRACTS * LINES_EACH
"""Of a company."""
STANDS = 5
"""Units of each line in Autotask."""


def company_id(number: int) -> str:
    return str(CompanyKey(connection=MAIN, company=CompanyId(1001 + number)))


def once() -> Iterator[tuple[str, Document]]:
    """What stands once, however many companies there are."""
    yield PSA_MIRRORS, MirrorState(id=MAIN, connection=MAIN, generation=1, first_mirrored_at=NOW, mirrored_at=NOW)
    yield READINESS, ReadyDocument(id=SOURCE, source=SOURCE, noted_at=NOW, ready_at=NOW)


def company(number: int) -> Iterator[tuple[str, Document]]:
    """One company's documents and the collections that they stand in."""
    key = CompanyKey(connection=MAIN, company=CompanyId(1001 + number))
    document = new_company(key)
    for place in range(CONTRACTS):
        contract = ContractId(20_001 + number * CONTRACTS + place)
        yield PSA_CONTRACTS, _contract(contract, key)
        for position in range(LINES_EACH):
            of_company = place * LINES_EACH + position
            line = LineId(1_000_001 + number * SUBSCRIPTIONS + of_company)
            service = ServiceId(9001 + of_company)
            yield PSA_LINES, _line(line, contract, key, service)
            yield (
                LINES,
                _book(LineRef(connection=MAIN, company=key.company, contract=contract, line=line, service=service)),
            )
            document = _heard(document, key, number * SUBSCRIPTIONS + of_company, service)
    yield COMPANIES, document


def _contract(contract: ContractId, key: CompanyKey) -> MirrorContract:
    return MirrorContract(
        id=join(MAIN, contract),
        connection=MAIN,
        contract=contract,
        company=key.company,
        name=f"Managed services {contract}",
        contract_type=7,
        period_type=2,
        status=1,
        start=date(2026, 1, 1),
        end=date(2026, 12, 31),
    )


def _line(line: LineId, contract: ContractId, key: CompanyKey, service: ServiceId) -> MirrorLine:
    """Its rows are what a mirror reads: the period before, this one and the next."""
    months = (date(2026, month, 1) for month in (2, 3, 4))
    rows = tuple(UnitRow(id=line * 10 + day.month, start=day, end=_last(day), units=STANDS) for day in months)
    return MirrorLine(
        id=join(MAIN, line),
        connection=MAIN,
        line=line,
        contract=contract,
        company=key.company,
        service=service,
        unit_price=Decimal("5.60"),
        rows=rows,
    )


def _last(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _book(at: LineRef) -> LineBook:
    agreed = StepFunction.constant(STANDS)
    return LineBook(id=join(MAIN, at.line), at=at, version=100 + at.line, agreed=agreed, trust=Trust.NEW)


def _heard(document: CompanyDocument, key: CompanyKey, number: int, service: ServiceId) -> CompanyDocument:
    asks = Asked(since=NOW.date(), units=StepFunction.constant(STANDS + 1 + number % 3))
    snapshot = changed(number).model_copy(update={"asks": asks, "quantity": asks.units.initial})
    said = SubscriptionMapped(
        key=snapshot.key,
        connection=MAIN,
        company=key.company,
        revision=1,
        snapshot_revision=1,
        mapping_revision=1,
        outcome=Mapped(company=key.company, service=service),
        subscription=snapshot,
    )
    cause = Cause(id=f"{number:032x}", correlation=f"{number:032x}")
    return hear(document, said, cause, NOW.date())


def stored(documents: Iterator[tuple[str, Document]]) -> Iterator[tuple[str, Json]]:
    """As they stand in the store after their first save."""
    for collection, document in documents:
        yield collection, document.model_copy(update={"rev": 1}).model_dump(mode="json", by_alias=True)
