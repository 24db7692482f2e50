"""What people say to plans and refusals. Each answers at once with the plan as it stands, and plans the company."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seatledger.contract_planner.domain.plans import approve, is_whole, reject
from seatledger.contract_planner.domain.state import CompanyDocument, marked, with_line
from seatledger.contract_planner.handlers.planner import Planner
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Collection
from seatledger.schemas.commands import ApprovePlan, CommandIssued, RejectPlan, RetryFinding
from seatledger.schemas.findings import Finding, FindingCode
from seatledger.schemas.ids import CommandId, CompanyKey
from seatledger.schemas.planning import PlanDocument, PlanState

SAID_YES = frozenset({PlanState.APPROVED, PlanState.EXECUTING, PlanState.DONE})
REMEMBERED = 20
"""Commands that a line remembers: far more than can be without an answer."""

Word = Callable[[CompanyDocument, PlanDocument], CompanyDocument]


@dataclass(frozen=True)
class AnswerPlans:
    """A person's yes to the plan whose hash they saw, or their no. A no can be taken back by a yes (decision 0024)."""

    planner: Planner

    async def __call__(self, command: CommandIssued) -> Answer:
        body = command.body
        if not isinstance(body, ApprovePlan | RejectPlan):
            return Answer(ok=False, message="this is no answer to a plan")
        found = await _current(self.planner, body.plan)
        if isinstance(found, Answer):
            return found
        document, plan = found
        if _is_said(plan, body):
            return Answer(result={"plan": shown(plan)})
        if not _may_be_said(plan, body):
            return _moved(document, plan)
        if isinstance(body, ApprovePlan) and self.planner.policies[document.connection].observes(document.company):
            text = f"company {document.company} is observed: nothing is posted. Change its mode in the configuration"
            return Answer(ok=False, message=text, result={"plan": shown(plan)})
        return await _say(self.planner, plan, _word(body, command.actor))


def _is_said(plan: PlanDocument, body: ApprovePlan | RejectPlan) -> bool:
    if isinstance(body, RejectPlan):
        return plan.state is PlanState.REJECTED
    return plan.hash == body.hash and plan.state in SAID_YES


def _may_be_said(plan: PlanDocument, body: ApprovePlan | RejectPlan) -> bool:
    match body:
        case RejectPlan():
            return plan.state is PlanState.PROPOSED
        case ApprovePlan(hash=hash_):
            no_stands = plan.state is PlanState.REJECTED and is_whole(plan)
            return plan.hash == hash_ and (plan.state is PlanState.PROPOSED or no_stands)


def _word(body: ApprovePlan | RejectPlan, actor: str) -> Word:
    match body:
        case ApprovePlan():
            return lambda document, plan: approve(document, plan, actor)
        case RejectPlan(reason=reason):
            return lambda document, plan: reject(document, plan, reason)


@dataclass(frozen=True)
class RetryRefused:
    """``resolve FINDING retry`` of a refusal: the wish goes out again, as a new intent; once by each command, which may
    be run again when the wish has been refused anew."""

    planner: Planner
    findings: Collection
    """The planner's own findings."""

    async def __call__(self, command: CommandIssued) -> Answer:
        body = command.body
        if not isinstance(body, RetryFinding):
            return Answer(ok=False, message="this is no retry")
        row = await self.findings.get(body.finding)
        finding = None if row is None else Finding.model_validate(row)
        if finding is None or finding.code is not FindingCode.REFUSED:
            return Answer(ok=False, message=f"finding {body.finding} is no refusal of a line")
        subject = finding.subject
        if subject.connection is None or subject.company is None or subject.line is None:
            return Answer(ok=False, message=f"finding {body.finding} names no line")
        company = str(CompanyKey(connection=subject.connection, company=subject.company))
        line = str(subject.line)
        await self.planner.companies.change(company, lambda document: _unblocked(document, line, command.id))
        await self.planner.plan([company])
        return Answer(result={"finding": body.finding})


def _unblocked(document: CompanyDocument | None, line: str, command: CommandId) -> CompanyDocument | None:
    """The line without its refusal. A word that finds it lifted already is noted too: it was for the same release."""
    state = None if document is None else document.lines.get(line)
    if document is None or state is None or command in state.retried_by:
        return None
    heard = state.model_copy(update={"retried_by": (*state.retried_by, command)[-REMEMBERED:]})
    if state.blocked is None:
        return with_line(document, heard)
    return marked(with_line(document, heard.model_copy(update={"blocked": None})))


async def _current(planner: Planner, plan_id: str) -> tuple[CompanyDocument, PlanDocument] | Answer:
    """The plan after its company was planned anew, so that nobody says yes to what has moved."""
    row = await planner.plans.get(plan_id)
    if row is None:
        return Answer(ok=False, message=f"plan {plan_id} is not known. Look at `plan list`")
    company = str(CompanyKey(connection=row.connection, company=row.company))
    await planner.plan([company])
    document = await planner.companies.get(company)
    if document is None:
        return Answer(ok=False, message=f"company {row.company} of plan {plan_id} is not known")
    return document, document.plans.get(plan_id) or await planner.plans.get(plan_id) or row


def _moved(document: CompanyDocument, plan: PlanDocument) -> Answer:
    now = [shown(one) for one in document.plans.values() if one.state is PlanState.PROPOSED]
    again = next((one.id for one in document.plans.values() if one.again_for == plan.id), None)
    text = f"plan {plan.id} is {plan.state.value}, its hash is {plan.hash}: look at it again before you say yes"
    if again is not None:
        text = (
            f"plan {plan.id} expired on {plan.expires_at:%Y-%m-%d} without an answer; {again} asks for the same again"
        )
    return Answer(ok=False, message=text, result={"plan": shown(plan), "now": now})


async def _say(planner: Planner, plan: PlanDocument, word: Word) -> Answer:
    company = str(CompanyKey(connection=plan.connection, company=plan.company))

    def decide(document: CompanyDocument | None) -> CompanyDocument | None:
        stands = None if document is None else document.plans.get(plan.id)
        if document is None or stands is None or (stands.state, stands.items) != (plan.state, plan.items):
            return None
        return word(document, stands)

    await planner.companies.change(company, decide)
    await planner.plan([company])
    after = await planner.plans.get(plan.id)
    if after is None or after.state in {plan.state, PlanState.SUPERSEDED, PlanState.EXPIRED}:
        document = await planner.companies.get(company)
        return Answer(ok=False, message="it moved meanwhile") if document is None else _moved(document, after or plan)
    return Answer(result={"plan": shown(after)})


def shown(plan: PlanDocument) -> dict[str, Any]:
    """A plan as people's tools read it (interface.md, ``plan show``)."""
    return plan.model_dump(mode="json", exclude={"rev", "outbox", "has_outbox"})
