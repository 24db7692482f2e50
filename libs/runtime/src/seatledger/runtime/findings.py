"""Each service's findings: raised, counted, closed by themselves, and published on ``findings.v1``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from seatledger.schemas.findings import FindingCode, FindingDraft, Subject


class Findings(Protocol):
    """The findings of one service (collection ``findings_<service>``)."""

    async def raise_(self, *drafts: FindingDraft) -> None:
        """Open each (again), or count it once more if it stands open."""

    async def close(self, code: FindingCode, *subjects: Subject) -> None:
        """Close one each, all in few round trips; nothing happens where it is not open."""

    async def reconcile(
        self, scope: Mapping[str, Any], codes: Sequence[FindingCode], drafts: Sequence[FindingDraft]
    ) -> None:
        """Make the open findings of ``codes`` whose subject has all of ``scope`` (``{"company": 101}``; a frozenset is
        any of its values) equal to ``drafts``: raise what is new, close what is gone, leave (and do not count) what
        stands unchanged."""
