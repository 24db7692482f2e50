"""The embedded broker and store for demo, tests and trial: child processes that are watched and never left behind."""

from seatledger.devstack.child import Child, ChildSpec, describe_status
from seatledger.devstack.errors import ChildFailed, DevstackBusy, DevstackError, DevstackUnsupported
from seatledger.devstack.events import DevstackEvent, EventKind
from seatledger.devstack.probes import broker_answers, store_answers, wait_broker, wait_store
from seatledger.devstack.stack import Addresses, Devstack

__all__ = [
    "Addresses",
    "Child",
    "ChildFailed",
    "ChildSpec",
    "Devstack",
    "DevstackBusy",
    "DevstackError",
    "DevstackEvent",
    "DevstackUnsupported",
    "EventKind",
    "broker_answers",
    "describe_status",
    "store_answers",
    "wait_broker",
    "wait_store",
]
