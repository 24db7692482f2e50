"""The fields of one JSON object, read one by one; what is wrong with them gathers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seatledger.collector.adapters.partner_center import values
from seatledger.collector.domain.dates import never_set
from seatledger.collector.domain.reading import Problem
from seatledger.schemas.findings import FindingCode


@dataclass
class Fields:
    """``missing`` names what keeps the subscription from being complete."""

    item: dict[str, Any]
    subscription: str
    problems: list[Problem] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """The field's text, or ``""`` where it is absent, null, or no text."""
        value = self.item.get(name)
        return value.strip() if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        return self.item.get(name) is True

    def instant(self, name: str) -> datetime | None:
        """None where it is absent or was never set; one that cannot be read is a finding, and None."""
        text = self.text(name)
        if not text or never_set(text):
            return None
        try:
            return values.instant(text)
        except ValueError:
            self.strange(name, "is no date")
            return None

    def etag(self) -> Any:
        attributes = self.item.get("attributes")
        return attributes.get("etag") if isinstance(attributes, dict) else None

    def unprovisioned(self) -> None:
        """Microsoft tried to provide it and could not: held, and a person must look."""
        self.missing.append("provisioning")
        self.problems.append(
            Problem(
                FindingCode.SOURCE_INCOMPLETE,
                "its provisioning failed at Microsoft; it is held",
                "Look at the order in Partner Center; once it is provisioned the subscription counts by itself.",
                subscription=self.subscription,
                column="provisioning",
                stops=False,
            )
        )

    def strange(self, name: str, what: str, *, holds: str | None = None) -> None:
        """A value that we cannot make sense of; the subscription counts all the same, unless what it ``holds`` back
        (in our words) keeps it from being complete."""
        consequence = "; the last complete state goes on to count" if holds else ""
        shown = repr(self.item.get(name))[:40]
        self.problems.append(
            Problem(
                FindingCode.SOURCE_VALUE_UNKNOWN,
                f"{name}: {shown} {what}{consequence}",
                "Look at the subscription in Partner Center; if the value is right, ask for it to be added here.",
                subscription=self.subscription,
                column=name,
                stops=False,
            )
        )
        if holds:
            self.missing.append(holds)

    def bad(self, name: str, what: str) -> None:
        """A value without which the subscription means nothing: it does not count, and nothing of it changes."""
        self.problems.append(
            Problem(
                FindingCode.SOURCE_ROW_BAD,
                f"{name}: {repr(self.item.get(name))[:40]} {what}; nothing of it changes",
                "Look at the subscription in Partner Center; it is read again by itself.",
                subscription=self.subscription,
                column=name,
            )
        )
