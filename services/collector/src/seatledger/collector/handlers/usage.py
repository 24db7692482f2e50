"""Costs of plans without seats, as a reading has them: each change one event, none twice."""

from collections.abc import Sequence

from seatledger.collector.domain.account import Account
from seatledger.collector.domain.reading import Usage
from seatledger.collector.domain.usage import UsageDocument, key_of, observed
from seatledger.runtime.store import ConflictError, Documents
from seatledger.schemas.base import Instant


async def keep_usage(usages: Documents[UsageDocument], found: Sequence[Usage], account: Account, now: Instant) -> None:
    """Store what is news, with its events. :class:`ConflictError` where another process writes the account's."""
    if not found:
        return
    stored = await usages.get_many([str(key_of(usage, account)) for usage in found])
    latest = {str(key_of(usage, account)): usage for usage in found}
    news = [observed(stored.get(key), usage, account, now) for key, usage in latest.items()]
    if not all(await usages.save_many([document for document in news if document is not None])):
        raise ConflictError(f"another process wrote usage of {account.source}")
