"""What a tenant needs, tried call by call and without one write (reference sections 1, 2, 5, 6, 7 and 15).

A missing right shows in three ways, and all three are red: as an error (403, or 500 with a text), in the entity's own
description (``userAccessFor…``), and as an empty list where nobody may say that something is hidden.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final

from seatledger.psa_writer.adapters.autotask.answers import BAD_CODE, errors_of, failed_read
from seatledger.psa_writer.adapters.autotask.client import Client
from seatledger.psa_writer.adapters.autotask.http import Answer
from seatledger.psa_writer.ports import (
    PsaBudgetSpentError,
    PsaCredentialsError,
    PsaError,
    PsaForbiddenHostError,
    PsaPermissionError,
)
from seatledger.runtime.clock import MachineClock
from seatledger.schemas.base import Json
from seatledger.schemas.commands import Check

READ: Final = ("Companies", "Services", "Contracts", "ContractServices", "ContractServiceUnits")
"""What the mirror and the executor read. A tenant that can be billed has at least one row of each."""
ADDED: Final = "ContractServiceAdjustments"
MOST_SKEW: Final = 60.0
"""Seconds by which our clock may be off: what happened around a send is told by times."""
MOST_USED: Final = 0.75
"""Of the tenant's hourly calls: from there on each call is answered a second later (section 6)."""
API_USER: Final = 17
"""Resources.userType of an API user, where its list of types cannot be read."""
LEVEL: Final = "the security level of the API user (Autotask: Admin > Account Settings & Users > Security Levels)"


@dataclass
class AutotaskProber:
    """One connection. ``name`` is that of the configuration; texts hold no secret."""

    name: str
    username: str
    client: Client
    machine: MachineClock

    async def checks(self) -> list[Check]:
        """Everything in turn; what rests on a red step is not tried."""
        found: list[Check] = []
        async for check in self._all():
            found.append(check)
            if not check.ok and check.name in (self._named("zone"), self._named("credentials")):
                break
        return found

    async def _all(self) -> AsyncIterator[Check]:
        yield await self._zone()
        try:
            answer = await self.client.look("GET", "ThresholdInformation", "ThresholdInformation")
        except PsaError as error:
            yield self._unreached("credentials", error)
            return
        yield self._clock(answer)
        yield self._credentials(answer)
        yield self._calls(answer)
        yield await self._tried("API user", self._user)
        for entity in READ:
            yield await self._tried(f"right to read {entity}", partial(self._reads, entity))
        yield await self._tried(f"right to add {ADDED}", self._adds)

    async def _zone(self) -> Check:
        try:
            address = await self.client.discover()
        except PsaCredentialsError:
            do = f"Correct psa.{self.name}.username: it is the API user's name, as an address"
            return self._red("zone", "Autotask knows no tenant of this user name", do)
        except PsaForbiddenHostError as error:
            return self._red("zone", str(error), f"Correct psa.{self.name}.url")
        except PsaError as error:
            return self._unreached("zone", error)
        return self._green("zone", address)

    def _clock(self, answer: Answer) -> Check:
        skew = self._skew(answer)
        if skew is None:
            return self._green("clock", "Autotask does not tell its time")
        told = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} Autotask's"
        if abs(skew) <= MOST_SKEW:
            return self._green("clock", told)
        return self._red("clock", told, "Set this machine's clock, and let a time service (NTP) keep it")

    def _skew(self, answer: Answer) -> float | None:
        """Seconds by which this machine is ahead; the answer's stamp has whole seconds."""
        try:
            stamp = parsedate_to_datetime(answer.date or "")
        except ValueError:
            return None
        return (self.machine.now() - (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC))).total_seconds()

    def _credentials(self, answer: Answer) -> Check:
        error = failed_read(answer, "ThresholdInformation")
        if isinstance(error, PsaCredentialsError):
            code = BAD_CODE in (errors_of(answer) or "").lower()
            key, what = ("integration_code", "the integration code") if code else ("secret", "user name or secret")
            do = f"Correct psa.{self.name}.{key}" + ("" if code else f" (or psa.{self.name}.username)")
            return self._red("credentials", f"Autotask refuses {what}", do)
        if error is not None and not isinstance(error, PsaPermissionError):
            return self._unreached("credentials", error)
        return self._green("credentials", "the sign-in is taken")

    def _calls(self, answer: Answer) -> Check:
        body = answer.body if isinstance(answer.body, dict) else {}
        limit, used = body.get("externalRequestThreshold"), body.get("currentTimeframeRequestCount")
        if not isinstance(limit, int) or not isinstance(used, int) or limit <= 0:
            return self._green("calls", "Autotask does not tell how many calls were made this hour")
        told = f"{used} of {limit} calls an hour are used, by all integrations of the tenant together"
        if used < MOST_USED * limit:
            return self._green("calls", told)
        do = f"Find the integration that calls so often, or lower psa.{self.name}.budget_per_hour; it passes in an hour"
        return self._red("calls", told, do)

    async def _tried(self, what: str, attempt: Callable[[], Awaitable[tuple[str, str]]]) -> Check:
        """``attempt`` gives a message, and what to do where it is red."""
        try:
            message, do = await attempt()
        except PsaError as error:
            return self._unreached(what, error)
        return self._red(what, message, do) if do else self._green(what, message)

    async def _user(self) -> tuple[str, str]:
        query = {"filter": [self._itself()], "includeFields": ["id", "email", "userType"], "maxRecords": 10}
        answer = await self.client.look("POST", "Resources", "Resources/query", query)
        rows = [] if failed_read(answer, "Resources") is not None else answer.body.get("items") or []
        if not rows:
            return "its type cannot be told: the user may not see itself among the resources", ""
        own = [row for row in rows if str(row.get("email")).lower() == self.username.lower()] or rows
        kind = own[0].get("userType")
        label = await self._label(kind)
        if kind == API_USER if label is None else "api" in label.lower():
            return "it is an API user", ""
        what = f"the user is no API user but {label or f'of type {kind}'}"
        return what, f"Make an API user in Autotask and name it under psa.{self.name}.username"

    def _itself(self) -> Json:
        """The sign-in's name is a resource's e-mail; its own user name is shorter, often the part before the @."""
        names = [("email", self.username), ("userName", self.username), ("userName", self.username.partition("@")[0])]
        return {"op": "or", "items": [{"op": "eq", "field": field, "value": value} for field, value in names]}

    async def _label(self, kind: object) -> str | None:
        answer = await self.client.look("GET", "Resources", "Resources/entityInformation/fields")
        fields = answer.body.get("fields") if isinstance(answer.body, dict) else None
        values = [one.get("picklistValues") or [] for one in fields or [] if one.get("name") == "userType"]
        labels = {str(pick.get("value")): str(pick.get("label")) for pick in (values[0] if values else [])}
        return labels.get(str(kind))

    async def _reads(self, entity: str) -> tuple[str, str]:
        do = f"Let {LEVEL} view {entity} without restriction"
        if refused := await self._access(entity, "Query"):
            return refused, do
        query = {"filter": [{"op": "gt", "field": "id", "value": -1}], "includeFields": ["id"], "maxRecords": 1}
        answer = await self.client.look("POST", entity, f"{entity}/query", query)
        error = failed_read(answer, entity)
        if error is not None:
            return _refused(error), do
        if not answer.body.get("items"):
            what = f"not one row of {entity} is shown: there is none yet, or the user may not see any"
            return what, f"{do}; where there is none yet, make the first one"
        return "its rows are shown", ""

    async def _adds(self) -> tuple[str, str]:
        """From the description alone: trying would be a write."""
        refused = await self._access(ADDED, "Create")
        return (refused, f"Let {LEVEL} change services on contracts") if refused else ("adding is allowed", "")

    async def _access(self, entity: str, verb: str) -> str:
        """Why the entity's own description says no, or nothing."""
        answer = await self.client.look("GET", entity, f"{entity}/entityInformation")
        error = failed_read(answer, entity)
        if error is not None:
            return _refused(error)
        info = answer.body.get("info")
        level = info.get(f"userAccessFor{verb}") if isinstance(info, dict) else None
        if level == "None":
            return f"the user may not {'read' if verb == 'Query' else 'add'} {entity}"
        if level == "Restricted":
            return f"the user sees only a part of {entity}; what it does not see looks as if it were not there"
        return ""

    def _unreached(self, what: str, error: PsaError) -> Check:
        if isinstance(error, PsaBudgetSpentError):
            do = f"Wait, or raise psa.{self.name}.budget_per_hour if other integrations leave room"
            return self._red(what, str(error), do)
        do = f"Look whether this machine reaches the host under psa.{self.name}.url, and at Autotask's status page"
        return self._red(what, str(error), do)

    def _named(self, what: str) -> str:
        return f"psa {self.name}: {what}"

    def _green(self, what: str, message: str) -> Check:
        return Check(name=self._named(what), ok=True, message=message)

    def _red(self, what: str, message: str, do: str) -> Check:
        return Check(name=self._named(what), ok=False, message=message, do=do)


def _refused(error: PsaError) -> str:
    return f"it is refused: {error}"
