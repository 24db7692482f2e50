"""What plans without seats have cost, and the events that say it: pure. Nobody plans it yet."""

from seatledger.collector.domain.account import Account
from seatledger.collector.domain.reading import Usage
from seatledger.collector.domain.snapshots import PRODUCER
from seatledger.schemas import topics
from seatledger.schemas.base import Instant
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import SourceName, SubscriptionKey
from seatledger.schemas.subscriptions import RawRef
from seatledger.schemas.usage import UsageObserved


class UsageDocument(Document):
    """A row of ``usages``: the last cost of one plan, and the event that says it."""

    source: SourceName
    revision: int
    state: UsageObserved


def key_of(usage: Usage, account: Account) -> SubscriptionKey:
    return SubscriptionKey(source=account.source, subscription=usage.subscription)


def observed(stored: UsageDocument | None, usage: Usage, account: Account, now: Instant) -> UsageDocument | None:
    """The plan's next revision, or None where nothing is new or what is stored is newer."""
    if stored is not None and (_is_older(usage, stored.state) or _says(stored.state, usage)):
        return None
    revision = 1 if stored is None else stored.revision + 1
    same_month = stored is not None and stored.state.period == usage.period
    state = UsageObserved(
        key=key_of(usage, account),
        connection=account.connection,
        revision=revision,
        customer=usage.customer,
        offer=usage.offer,
        offer_name=usage.offer_name,
        raw_status=usage.raw_status,
        period=usage.period,
        total=usage.total,
        as_of=usage.as_of,
        observed_at=now,
        previous_total=stored.state.total if stored is not None and same_month else None,
        raw=RawRef(payload=usage.payload),
    )
    before = UsageDocument(id=str(state.key), source=account.source, revision=0, state=state)
    document = (stored or before).model_copy(update={"revision": revision, "state": state})
    return document.model_copy(update={"outbox": (*document.outbox, event_of(document))})


def event_of(document: UsageDocument) -> Outgoing:
    """The event that says the document's revision; the same, id included, whenever it is made."""
    state = document.state
    event = Event.about(
        state, source=PRODUCER, subject=str(state.key), revision=document.revision, time=state.observed_at
    )
    return Outgoing(topic=topics.USAGE.name, key=state.key.bus_key, event=event)


def _is_older(usage: Usage, state: UsageObserved) -> bool:
    return usage.as_of is not None and state.as_of is not None and usage.as_of < state.as_of


def _says(state: UsageObserved, usage: Usage) -> bool:
    """A newer stamp of the same cost is no news."""
    ours = (state.period, state.total, state.raw_status, state.offer, state.customer.id)
    return ours == (usage.period, usage.total, usage.raw_status, usage.offer, usage.customer.id)
