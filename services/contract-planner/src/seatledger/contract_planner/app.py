"""Puts the contract planner together; the only module that knows concrete classes."""

import asyncio

from seatledger.contract_planner.adapters.assignments import StoreAssignments
from seatledger.contract_planner.adapters.reading import StoreReading
from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.ready import ReadyDocument
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.contract_planner.handlers.commands import AnswerPlans, RetryRefused
from seatledger.contract_planner.handlers.figures import Figures
from seatledger.contract_planner.handlers.mapped import TakeMapped
from seatledger.contract_planner.handlers.planner import Planner
from seatledger.contract_planner.handlers.planning_loop import PlanningLoop, Watch, prepare
from seatledger.contract_planner.handlers.readiness import ReadinessLoop
from seatledger.contract_planner.handlers.saying_again import Republish, SayAgain
from seatledger.contract_planner.handlers.settled import TakeSettled
from seatledger.contract_planner.settings import policies
from seatledger.runtime.bus import Subscription
from seatledger.runtime.metrics import FIGURES_SECONDS
from seatledger.runtime.service import Loop, Parts, Runtime
from seatledger.schemas.commands import ApprovePlan, RejectPlan, RetryFinding
from seatledger.schemas.heads import ASSIGNMENTS, COMPANIES, PLANNER_WATCH, READINESS
from seatledger.schemas.intents import AdjustmentSettled, LineObserved
from seatledger.schemas.planning import PLANS, PlanDocument
from seatledger.schemas.subscriptions import SubscriptionMapped
from seatledger.schemas.topics import MAPPED, SETTLED

PLANNING_SECONDS = 1.0
READINESS_SECONDS = 2.0
REPUBLISH_SECONDS = 60.0


async def build(runtime: Runtime) -> Parts:
    """The planner's handlers, loops and commands over the runtime's store, bus and clocks."""
    companies = runtime.documents(COMPANIES, CompanyDocument)
    await prepare(companies)
    planner = await _planner(runtime)
    woken = asyncio.Event()
    planning = PlanningLoop(planner, runtime.documents(PLANNER_WATCH, Watch))
    await planning.open()
    readiness = ReadinessLoop(
        store=runtime.store,
        readiness=planner.readiness,
        companies=companies,
        reading=planner.reading,
        findings=runtime.findings,
        policies=planner.policies,
        machine=runtime.machine,
        woken=woken,
    )
    figures = Figures(
        policies=list(planner.policies.values()),
        companies=companies,
        plans=planner.plans,
        calendar=runtime.calendar,
        metrics=runtime.metrics,
    )
    await figures.prepare()
    return Parts(
        subscriptions=[
            Subscription(MAPPED, TakeMapped(companies, planner.policies, woken), accepts=(SubscriptionMapped,)),
            Subscription(SETTLED, TakeSettled(companies, woken), accepts=(AdjustmentSettled, LineObserved)),
        ],
        loops=[
            Loop("planning", planning, every=PLANNING_SECONDS, wake=woken),
            Loop("readiness", readiness, every=READINESS_SECONDS),
            Loop("figures", figures, every=FIGURES_SECONDS),
            Loop("republish", Republish(companies, runtime.sink), every=REPUBLISH_SECONDS),
        ],
        commands={
            ApprovePlan: AnswerPlans(planner),
            RejectPlan: AnswerPlans(planner),
            RetryFinding: RetryRefused(planner, runtime.store.collection(f"findings_{runtime.name}")),
        },
        say_again=SayAgain(companies),
        unready=planner.trouble,
    )


async def _planner(runtime: Runtime) -> Planner:
    companies = runtime.documents(COMPANIES, CompanyDocument)
    reading = StoreReading(runtime.store)
    await reading.prepare()
    assignments = StoreAssignments(runtime.documents(ASSIGNMENTS, Assignment), companies, runtime.machine)
    await assignments.prepare()
    return Planner(
        companies=companies,
        plans=runtime.documents(PLANS, PlanDocument),
        readiness=runtime.documents(READINESS, ReadyDocument),
        reading=reading,
        assignments=assignments,
        findings=runtime.findings,
        policies=policies(runtime.config),
        calendar=runtime.calendar,
        machine=runtime.machine,
        log=runtime.log,
    )
