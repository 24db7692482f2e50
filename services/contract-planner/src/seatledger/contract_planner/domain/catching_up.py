"""Results of the mapper that never came: what they asked for is told with the newest (decision 0013)."""

from seatledger.contract_planner.domain.state import CompanyDocument, with_member
from seatledger.schemas.subscriptions import SubscriptionMapped


def catch_up(document: CompanyDocument, said: SubscriptionMapped) -> CompanyDocument:
    """The document before it hears ``said``, with the days of which only results between spoke.

    Who was no member yet has missed nothing: it joins from the day of its planning.
    """
    key = str(said.key)
    read, member = document.seen.get(key, -1), document.members.get(key)
    if member is None:
        return document
    asked = member.asked
    for one in said.earlier:
        if read < one.revision < said.revision:
            asked = asked.replaced_from(one.asks.since, one.asks.units)
    if asked == member.asked:
        return document
    return with_member(document, member.model_copy(update={"asked": asked, "complete": True}))
