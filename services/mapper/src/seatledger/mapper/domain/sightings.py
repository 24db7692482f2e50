"""A snapshot as the mapper has seen it: with the event that brought it, and the days of revisions that never came."""

from seatledger.schemas.base import Strict
from seatledger.schemas.envelope import Cause, EventHead
from seatledger.schemas.subscriptions import Asked, SubscriptionChanged, caught_up


class Sighting(Strict):
    """A snapshot with the event that brought it."""

    snapshot: SubscriptionChanged
    cause: Cause

    @classmethod
    def of(cls, event: EventHead, snapshot: SubscriptionChanged) -> "Sighting":
        return cls(snapshot=snapshot, cause=Cause.of(event))

    def after(self, earlier: SubscriptionChanged) -> "Sighting":
        """This sighting where ``earlier`` is passed over: the days of which only ``earlier`` spoke stay said.

        Two files of two days may come in one batch; the units of the first day are owed all the same. A revision that
        tells of the ones before it needs no help: :meth:`caught_up` weighs which of them count.
        """
        asks = self.snapshot.asks
        if earlier.asks is None or asks is None or self.snapshot.earlier:
            return self
        whole = earlier.asks.followed_by(asks)
        return self.model_copy(update={"snapshot": self.snapshot.model_copy(update={"asks": whole})})

    def alone(self) -> "Sighting":
        """Without what earlier revisions asked for: that was weighed."""
        return self._asking(self.snapshot.asks)

    def caught_up(self, read: int) -> "Sighting":
        """With the days of which only revisions after ``read`` spoke, none of which came to us: the bus lost them, or
        kept them no longer (decision 0013)."""
        return self._asking(caught_up(self.snapshot.asks, self.snapshot.earlier, read))

    def _asking(self, asks: Asked | None) -> "Sighting":
        return self.model_copy(update={"snapshot": self.snapshot.model_copy(update={"asks": asks, "earlier": ()})})
