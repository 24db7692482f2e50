"""Mapping rows that people set: each row on its own, refused with a reason or stored with its history. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seatledger.mapper.domain.basis import Holding, SourceRule
from seatledger.mapper.domain.directory import Directory
from seatledger.mapper.domain.names import fold
from seatledger.mapper.domain.targets import Refused, check_contract, check_target
from seatledger.schemas.commands import MappingRow
from seatledger.schemas.ids import CompanyId, ConnectionName, ContractId, SourceName, join
from seatledger.schemas.mappings import MappingChange, MappingDocument, MappingKind, MappingWord, mapping_id
from seatledger.schemas.mirror import MirrorContract
from seatledger.schemas.subscriptions import BillingCycle

MappingRows = dict[tuple[MappingKind, str], MappingDocument]
"""Mapping documents by kind and id."""


@dataclass(frozen=True)
class Saying:
    """Who says it, when and why."""

    at: datetime
    by: str
    why: str
    command: str


@dataclass(frozen=True)
class Standing:
    """The customer of a subscription, and the company that its last result named."""

    customer: str
    company: int | None


@dataclass(frozen=True)
class Known:
    """What is known when rows are judged. Directories of generation 0 check nothing: that comes after the first
    mirror, as findings."""

    rules: Mapping[SourceName, SourceRule]
    documents: MappingRows
    """The rows' own documents, and every company row that is mapped to one of their targets."""
    names: Mapping[tuple[MappingKind, SourceName, str], str] = field(default_factory=dict)
    """What customers and offers are called, by kind and key."""
    placed: Mapping[Holding, frozenset[str]] = field(default_factory=dict)
    """Customers whose subscriptions are on a company now, for accounts with automatic mapping."""
    standing: Mapping[tuple[SourceName, str], Standing] = field(default_factory=dict)
    """Subscriptions by source account and id."""
    directories: Mapping[ConnectionName, Directory] = field(default_factory=dict)
    contracts: Mapping[ConnectionName, Mapping[ContractId, MirrorContract]] = field(default_factory=dict)


@dataclass(frozen=True)
class RowResult:
    """What became of one row; ``row`` counts from 1 in the order given."""

    row: int
    ok: bool
    message: str
    remark: str = ""
    """What may be a slip of the hand, though the row stands."""


@dataclass(frozen=True)
class Setting:
    """Results of all rows, and the documents to store."""

    results: tuple[RowResult, ...]
    documents: tuple[MappingDocument, ...]
    ids: tuple[tuple[MappingKind, str], ...]
    """The document of each row, in the rows' order."""


def set_rows(rows: Sequence[MappingRow], known: Known, saying: Saying) -> Setting:
    """Apply rows in order; a refused one changes nothing and hinders no other.

    A row that says what stands already still raises the document's revision, so that all it touches is decided
    again (design.md section 3); its history does not grow.
    """
    stored: MappingRows = dict(known.documents)
    changed: dict[tuple[MappingKind, str], MappingDocument] = {}
    results = []
    for number, row in enumerate(rows, start=1):
        place = (row.kind, mapping_id(row))
        try:
            word = _word(row, known, stored, saying)
        except Refused as refused:
            results.append(RowResult(number, ok=False, message=f"{row.kind} {row.source}/{row.key}: {refused}"))
            continue
        before = stored.get(place)
        stored[place] = changed[place] = restated(stored.get(place) or _new(row), word, saying)
        message = _done(row, word) + _moves(row, word, before)
        results.append(RowResult(number, ok=True, message=message, remark=_unseen(row, known)))
    return Setting(tuple(results), tuple(changed.values()), tuple((row.kind, mapping_id(row)) for row in rows))


def forget(document: MappingDocument, saying: Saying) -> MappingDocument:
    """The row as if nobody had ever said anything; its history stays (``map reset``)."""
    return restated(document, MappingWord(state="unmapped", forgotten=True), saying)


def restated(document: MappingDocument, word: MappingWord, saying: Saying) -> MappingDocument:
    """The document saying ``word``, to be decided anew under a higher revision."""
    before = document.word if document.revision else None
    change = MappingChange(at=saying.at, by=saying.by, why=saying.why, command=saying.command, word=word, before=before)
    return document.model_copy(
        update={
            "word": word,
            "revision": document.revision + 1,
            "redecide": True,
            "claim": _claim(document, word),
            "history": document.history if word == before else (*document.history, change),
        }
    )


def _new(row: MappingRow) -> MappingDocument:
    offer = row.kind == "offer"
    return MappingDocument(
        id=mapping_id(row),
        kind=row.kind,
        source=row.source,
        key=row.key,
        term=row.term if offer else "",
        billing_cycle=row.billing_cycle if offer else "",
        word=MappingWord(state="unmapped", forgotten=True),
        revision=0,
    )


def _claim(document: MappingDocument, word: MappingWord) -> str:
    if document.kind == "company" and word.state == "mapped" and not word.also:
        return f"company {join(document.source, word.target or 0)}"
    return f"row {document.id}"


def _word(row: MappingRow, known: Known, stored: MappingRows, saying: Saying) -> MappingWord:
    rule = known.rules.get(row.source)
    if rule is None:
        names = ", ".join(sorted(known.rules)) or "none"
        raise Refused(f"source {row.source!r} is not in the configuration. Use one of: {names}")
    cycles = [cycle.value for cycle in BillingCycle if cycle is not BillingCycle.OTHER]
    if row.kind == "offer" and row.billing_cycle and row.billing_cycle not in cycles:
        raise Refused(f"billing cycle {row.billing_cycle!r} is not known. Use one of: {', '.join(cycles)}")
    if row.kind == "offer" and rule.offers_are_skus and row.key.count(":") > 1:
        product = ":".join(row.key.split(":")[:2])
        raise Refused(f"an offer at Partner Center is keyed by product:sku, without the availability. Use {product}")
    if row.state == "mapped":
        return _mapped(row, rule, known, stored)
    reason = row.reason or saying.why
    if row.state == "ignored" and not reason:
        raise Refused("an ignored row needs its reason. Say why it is not billed")
    ignored = row.state == "ignored"
    return MappingWord(state=row.state, reason=reason, expires_on=row.expires_on if ignored else None)


def _mapped(row: MappingRow, rule: SourceRule, known: Known, stored: MappingRows) -> MappingWord:
    if row.target is None:
        raise Refused(f"a mapped row needs its target. Give the id of a {_target_kind(row.kind)}")
    also = row.also or row.reason.strip().lower() == "also"
    directory = known.directories.get(rule.connection, Directory())
    if row.kind == "contract":
        company = _company_of(row, known, stored)
        check_contract(row.target, known.contracts.get(rule.connection, {}), company, directory)
    else:
        name = known.names.get((row.kind, row.source, row.key), "")
        check_target(row.kind, row.target, directory, name)
    if not also:
        _check_unique(row, rule, known, stored, directory)
    return MappingWord(state="mapped", target=row.target, reason=row.reason, also=also)


def _company_of(row: MappingRow, known: Known, stored: MappingRows) -> CompanyId | None:
    """The company of the subscription of a contract row: an earlier row of the same command counts already."""
    standing = known.standing.get((row.source, row.key))
    if standing is None:
        return None
    said = stored.get(("company", join(row.source, standing.customer)))
    company = said.word.target if said is not None and said.word.state == "mapped" else standing.company
    return None if company is None else CompanyId(company)


def _check_unique(row: MappingRow, rule: SourceRule, known: Known, stored: MappingRows, directory: Directory) -> None:
    """C27: one customer of a source account per company. (C29, one contract per subscription, needs no word: a row is
    about one subscription, and another contract moves it there.)"""
    holder = next(_holders(row, rule, known, stored, directory), None) if row.kind == "company" else None
    if holder is not None:
        name = known.names.get(("company", row.source, holder))
        who = f"{name!r} ({holder})" if name else holder
        raise Refused(
            f"company {row.target} is the target of customer {who} of this source account already. "
            "Say --also (in a file: also in the column reason) if both are meant"
        )


def _holders(
    row: MappingRow, rule: SourceRule, known: Known, stored: MappingRows, directory: Directory
) -> Iterator[str]:
    """Other customers of the account on the row's company: by a row, or by their name while nobody said otherwise."""
    for document in stored.values():
        held = document.kind == "company" and document.word.state == "mapped" and document.word.target == row.target
        if held and document.source == row.source and document.key != row.key:
            yield document.key
    company = directory.company.get(CompanyId(row.target or 0))
    if not rule.automatic or company is None:
        return
    for customer in sorted(known.placed.get((row.source, company.company), frozenset()) - {row.key}):
        said = stored.get(("company", join(row.source, customer)))
        named = fold(known.names.get(("company", row.source, customer), "")) == fold(company.name)
        if named and (said is None or said.word.forgotten):
            yield customer


def _target_kind(kind: MappingKind) -> str:
    return "service" if kind == "offer" else kind


def _done(row: MappingRow, word: MappingWord) -> str:
    what = f"{row.kind} {row.source}/{row.key}"
    if word.state == "mapped":
        return f"{what} is mapped to {_target_kind(row.kind)} {word.target}"
    until = f" until {word.expires_on}" if word.expires_on else ""
    return f"{what} is {word.state}{until}"


_KEYS: Mapping[MappingKind, str] = {"company": "customer", "offer": "offer", "contract": "subscription"}


def _unseen(row: MappingRow, known: Known) -> str:
    """Rows may come before the first sweep, so what nobody has seen yet is no fault."""
    place = (row.source, row.key)
    seen = place in known.standing if row.kind == "contract" else (row.kind, *place) in known.names
    return "" if seen else f"no {_KEYS[row.kind]} {row.key!r} of {row.source} was seen yet"


def _moves(row: MappingRow, word: MappingWord, before: MappingDocument | None) -> str:
    """Another contract is a move: the units leave the old line first (kernel.md section 7)."""
    former = before.word.target if before is not None and before.word.state == "mapped" else None
    if row.kind != "contract" or word.state != "mapped" or former in {None, word.target}:
        return ""
    return f"; it leaves contract {former} first"
