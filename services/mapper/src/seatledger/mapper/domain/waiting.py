"""The part of a mapped document that a finding about a lacking mapping is made of."""

from pydantic import Field

from seatledger.mapper.domain.deciding import Lack
from seatledger.schemas.base import Tolerant
from seatledger.schemas.ids import ConnectionName, OfferKey
from seatledger.schemas.subscriptions import Asked, BillingCycle, Customer, Status


class WaitingSnapshot(Tolerant):
    """Of the snapshot, what people are told and what says whether anything is still asked for."""

    customer: Customer
    offer: OfferKey
    offer_name: str
    status: Status
    quantity: int | None
    billing_cycle: BillingCycle
    asks: Asked | None


class _Seen(Tolerant):
    snapshot: WaitingSnapshot


class Waiting(Tolerant):
    """A row of ``mapped`` that lacks something. Read without what it said and asked before: while an account comes in
    for the first time, all its documents lack something and are read again and again."""

    id: str = Field(alias="_id")
    rev: int
    connection: ConnectionName
    customer: str
    offer: str
    lacks: tuple[Lack, ...]
    sighting: _Seen

    @property
    def snapshot(self) -> WaitingSnapshot:
        return self.sighting.snapshot


WAITING_FIELDS = (
    *(name for name in Waiting.model_fields if name not in {"id", "sighting"}),
    *(f"sighting.snapshot.{name}" for name in WaitingSnapshot.model_fields),
)
"""What :class:`Waiting` is read from."""
