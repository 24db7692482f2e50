"""Which source accounts are ready, for good (kernel.md section 5, *Ready*)."""

from seatledger.schemas.base import Instant
from seatledger.schemas.documents import Document
from seatledger.schemas.ids import SourceName


class ReadyDocument(Document):
    """A row of ``readiness`` (id = source account). It is first noted, then its companies are marked dirty, and only
    then ``ready_at`` (machine instant) is set: until then ``drain`` counts it as pending."""

    source: SourceName
    noted_at: Instant
    ready_at: Instant | None = None
