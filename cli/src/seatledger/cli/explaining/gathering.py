"""Reads what the services stored about a subscription or an intent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from seatledger.cli.explaining.facts import Facts, Life, Said
from seatledger.cli.explaining.raw import evidence, row_in_file
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Json
from seatledger.schemas.book import INTENTS, LINES, IntentRecord, LineBook
from seatledger.schemas.documents import Document
from seatledger.schemas.envelope import Event, event_identity
from seatledger.schemas.findings import Finding
from seatledger.schemas.heads import COMPANIES, MAPPED, SERVICES, SNAPSHOTS
from seatledger.schemas.ids import CompanyId, CompanyKey, ConnectionName, ServiceId, SubscriptionKey, join, split
from seatledger.schemas.mappings import MAPPING_COLLECTIONS, MappingDocument
from seatledger.schemas.mirror import PSA_COMPANIES, PSA_SERVICES, MirrorCompany, MirrorService
from seatledger.schemas.personal import without_people
from seatledger.schemas.planning import PLANS, PlanDocument
from seatledger.schemas.shapes import PAYLOADS, REPLACED, CompanyShape, MappedShape, ReplacedResult, SnapshotShape
from seatledger.schemas.subscriptions import RawRef, SubscriptionChanged, SubscriptionMapped

if TYPE_CHECKING:
    from seatledger.runtime.config import Config
    from seatledger.runtime.store import Store

D = TypeVar("D", bound=Document)


@dataclass
class Gathering:
    """One walk through the stores."""

    store: "Store"
    config: "Config"
    facts: Facts = field(default_factory=Facts)

    async def subscription(self, word: str) -> bool:
        """All that is known of what ``word`` names: our id, the source's, or the vendor's. False where that is nothing.

        One vendor subscription may stand at several sources, and one subscription may have several resources.
        """
        snapshots = await self._found(SNAPSHOTS, SnapshotShape, _meant(word, "state."))
        mapped = await self._found(MAPPED, MappedShape, _meant(word, "sighting.snapshot."))
        ids = {one.id for one in (*snapshots, *mapped)}
        self.facts.snapshots = await self._by_id(SNAPSHOTS, SnapshotShape, ids)
        self.facts.mapped = await self._by_id(MAPPED, MappedShape, ids)
        if not ids:
            return False
        events = [event for one in self.facts.mapped.values() for event in said_by(one)]
        self.facts.events = frozenset(one.id for one in events)
        await self._lives_caused_by()
        await self._companies({*(one.company for one in events), *(_company(life) for life in self.facts.lives)})
        self._released_unheard()
        await self._behind_lives()
        await self._waiting()
        await self._around(SubscriptionKey.parse(one) for one in sorted(ids))
        return True

    async def intent(self, word: str) -> bool:
        """One intent, what made it and what became of it. False where none has this id."""
        record = await Documents(self.store.collection(INTENTS), IntentRecord).get(word)
        books = await self._found(LINES, LineBook, [{"open.intent.id": word}])
        opened = next((book.open for book in books if book.open), None)
        if record is not None:
            self.facts.lives = [Life.of(record.settled, record.intent, record.history, opened, record.cause)]
        elif opened is not None:
            self.facts.lives = [Life.of(opened.intent, opened.intent, (), opened)]
        else:
            await self._unheard(word)
        if not self.facts.lives:
            return False
        await self._companies({_company(life) for life in self.facts.lives})
        await self._behind_lives()
        await self._around(())
        return True

    async def _unheard(self, word: str) -> None:
        """Released, and nothing was ever said of it."""
        for company in await self._found(COMPANIES, CompanyShape, [{"unanswered": {"$gt": 0}}]):
            for line in company.lines.values():
                if line.released is not None and line.released.intent.id == word:
                    self.facts.lives = [Life.of(line.released.intent, line.released.intent)]

    async def _lives_caused_by(self) -> None:
        ids = sorted(self.facts.events)
        caused = [{"settled.causes": {"$in": ids}}]
        records = await self._found(INTENTS, IntentRecord, caused)
        opened = {
            book.open.intent.id: book.open
            for book in await self._found(LINES, LineBook, [{"open.intent.causes": {"$in": ids}}])
            if book.open is not None
        }
        lives = [
            Life.of(one.settled, one.intent, one.history, opened.pop(one.settled.intent, None), one.cause)
            for one in records
        ]
        lives += [Life.of(claim.intent, claim.intent, (), claim) for claim in opened.values()]
        self.facts.lives = sorted(lives, key=lambda life: life.order)

    def _released_unheard(self) -> None:
        known = {life.id for life in self.facts.lives}
        for company in self.facts.companies.values():
            for line in company.lines.values():
                intent = line.released.intent if line.released else None
                if intent is not None and intent.id not in known and self.facts.events & set(intent.causes):
                    self.facts.lives.append(Life.of(intent, intent))

    async def _companies(self, ids: set[str]) -> None:
        self.facts.companies |= await self._by_id(COMPANIES, CompanyShape, ids)

    async def _behind_lives(self) -> None:
        """Plans of the lives, and the mapper's results that caused them: the newest of each, and those before it."""
        self.facts.plans = await self._by_id(PLANS, PlanDocument, {life.plan for life in self.facts.lives if life.plan})
        wanted = {cause for life in self.facts.lives for cause in life.causes}
        companies = {_company(life) for life in self.facts.lives}
        where = [{"told.company": {"$in": sorted(companies)}}] if companies else []
        documents = {one.id: one for one in await self._found(MAPPED, MappedShape, where)} | self.facts.mapped
        told = {said.id: said.event for one in documents.values() for said in said_by(one) if said.event is not None}
        self.facts.said |= {cause: told[cause] for cause in wanted & told.keys()}
        replaced = await self._by_id(REPLACED, ReplacedResult, wanted - told.keys())
        self.facts.said |= {one.id: one.event for one in replaced.values()}

    async def _waiting(self) -> None:
        """Plans of wishes that were not released yet, and what `observe` would do."""
        hashes = sorted(wish.hash for _, wish in self.facts.wishes())
        companies = [CompanyKey.parse(one) for one in sorted(self.facts.companies)]
        where: list[Json] = [
            {"connection": one.connection, "company": one.company, "state": "proposed", "asks": "observe"}
            for one in companies
        ]
        if hashes:
            states = ["proposed", "approved", "executing", "rejected"]
            where.append({"items.hash": {"$in": hashes}, "state": {"$in": states}})
        self.facts.plans |= {one.id: one for one in await self._found(PLANS, PlanDocument, where)}

    async def _around(self, keys: Iterable[SubscriptionKey]) -> None:
        """Findings, mapping rows, raw payloads and names about all that was found."""
        snapshots = [one.state for one in self.facts.snapshots.values()]
        snapshots += [one.sighting.snapshot for one in self.facts.mapped.values()]
        snapshots += [result_of(event).subscription for event in self.facts.said.values()]
        await self._findings(list(keys), snapshots)
        await self._rows(snapshots)
        for snapshot in snapshots:
            await self._raw(snapshot)
        await self._names()

    async def _findings(self, keys: list[SubscriptionKey], snapshots: list[SubscriptionChanged]) -> None:
        lives = [life.id for life in self.facts.lives]
        groups = [f"customer {one.customer.id}" for one in snapshots] + [
            f"offer {one.offer.offer}" for one in snapshots
        ]
        sources = sorted({one.key.source for one in snapshots})
        where: list[dict[str, object]] = [{"subject.detail": {"$in": lives}}] if lives else []
        where += [{"subject.source": key.source, "subject.subscription": key.subscription} for key in keys]
        where += [{"subject.line": life.at.line, "closed_at": None} for life in self.facts.lives]
        if keys and sources:
            where.append({"subject.source": {"$in": sources}, "subject.detail": {"$in": groups}, "closed_at": None})
        found: dict[str, Finding] = {}
        for service in SERVICES:
            collection = self.store.collection(f"findings_{service}")
            for one in where:
                rows = [Finding.model_validate(row) for row in await collection.find(one)]
                found |= {row.id: row for row in rows}
        self.facts.findings = sorted(found.values(), key=lambda one: (one.opened_at, one.id))

    async def _rows(self, snapshots: list[SubscriptionChanged]) -> None:
        ids = {"company": {join(one.key.source, one.customer.id) for one in snapshots}}
        ids["contract"] = {join(one.key.source, one.key.subscription) for one in snapshots}
        for kind in ("company", "contract"):
            self.facts.rows += (await self._by_id(MAPPING_COLLECTIONS[kind], MappingDocument, ids[kind])).values()
        offers = [{"source": one.key.source, "key": one.offer.offer} for one in snapshots]
        self.facts.rows += await self._found(MAPPING_COLLECTIONS["offer"], MappingDocument, offers)

    async def _raw(self, snapshot: SubscriptionChanged) -> None:
        raw = snapshot.raw
        if raw is None or evidence(snapshot, raw) in self.facts.raw:
            return
        content = await self._content(raw, snapshot.key)
        if isinstance(content, str):
            self.facts.unread[evidence(snapshot, raw)] = content
        else:
            self.facts.raw[evidence(snapshot, raw)] = content

    async def _content(self, raw: RawRef, key: SubscriptionKey) -> Json | str:
        """The payload or row, or why it cannot be shown."""
        if raw.file is None:
            stored = await self.store.collection(PAYLOADS).get(raw.payload or "")
            return without_people(stored["content"]) if stored else f"payload {raw.payload} is not kept any more"
        source = self.config.accounts.get(key.source)
        if source is None:
            return f"the source {key.source} is not in this configuration"
        return row_in_file(source, raw, key.subscription)

    async def _names(self) -> None:
        places = {(life.at.connection, life.at.company, life.at.service) for life in self.facts.lives}
        for one in self.facts.mapped.values():
            target = one.outcome
            if target.kind == "mapped":
                places.add((one.connection, target.company, target.service))
        companies = {join(connection, company) for connection, company, _ in places}
        services = {join(connection, service) for connection, _, service in places}
        for company in (await self._by_id(PSA_COMPANIES, MirrorCompany, companies)).values():
            self.facts.names[company_name_key(company.connection, company.company)] = company.name
        for service in (await self._by_id(PSA_SERVICES, MirrorService, services)).values():
            self.facts.names[service_name_key(service.connection, service.service)] = service.name

    async def _found(self, collection: str, model: type[D], where: Iterable[Mapping[str, object]]) -> list[D]:
        """Documents that match any of these, each once."""
        documents = Documents(self.store.collection(collection), model)
        found: dict[str, D] = {}
        for one in where:
            found |= {document.id: document for document in await documents.find(one)}
        return list(found.values())

    async def _by_id(self, collection: str, model: type[D], ids: Iterable[str]) -> dict[str, D]:
        return await Documents(self.store.collection(collection), model).get_many(sorted(ids))


def company_name_key(connection: ConnectionName, company: CompanyId) -> str:
    return f"company/{connection}/{company}"


def service_name_key(connection: ConnectionName, service: ServiceId) -> str:
    return f"service/{connection}/{service}"


def said_by(document: MappedShape) -> list[Said]:
    """Every result that the mapper can have told of a subscription: ids of events follow from what they say, so that
    an intent's causes are known by the newest one alone."""
    key = document.sighting.snapshot.key
    stored = {entry.event.id: entry.event for entry in document.said}
    found = []
    for company in sorted({entry.key for entry in document.said}):
        for revision in range(1, document.revision + 1):
            identity = event_identity(SubscriptionMapped.event_type, str(key), f"{revision}/{company}")
            found.append(Said(identity, key, company, stored.get(identity)))
    return found


def result_of(event: Event) -> SubscriptionMapped:
    return SubscriptionMapped.model_validate(event.data)


def _company(life: Life) -> str:
    return str(CompanyKey(connection=life.at.connection, company=life.at.company))


def _meant(word: str, inside: str) -> list[dict[str, object]]:
    """Where a word may stand; ``source/subscription`` names one account's."""
    meant: list[dict[str, object]] = [
        {"_id": word},
        {f"{inside}key.subscription": word},
        {f"{inside}vendor_subscription_id": word},
    ]
    parts = split(word)
    if len(parts) == 2:
        meant.append({f"{inside}key.source": parts[0], f"{inside}key.subscription": parts[1]})
    return meant
