"""The notes that Autotask writes by itself about every change of a line (reference section 11.10, L)."""

from __future__ import annotations

from datetime import date

from autotask_sandbox.actors import Actor
from autotask_sandbox.books import Books
from autotask_sandbox.ledger import Adjustment
from autotask_sandbox.units import Line


def _what_happened(service: str, what: Adjustment) -> str:
    if what.delta:
        direction = "increased" if what.delta > 0 else "decreased"
        return f"{direction} {service} units by [{abs(what.delta)}]"
    if what.price is not None:
        return f"changed {service} Unit Price to [{what.price:.4f}]"
    return f"{service} units were changed"


def write_note(books: Books, line: Line, what: Adjustment, actor: Actor) -> None:
    """One note a change, by the resource that made it; a changed quantity goes before a changed price."""
    _write(books, line, f"{_what_happened(_name(books, line), what)} effective [{what.on.isoformat()}]", actor)


def write_added_note(books: Books, line: Line, actor: Actor, on: date | None = None) -> None:
    """A line that was not there before, added by hand of the caller or by an adjustment that needed it."""
    effective = "" if on is None else f" effective [{on.isoformat()}]"
    _write(books, line, f"added {_name(books, line)} to the contract{effective}", actor)


def _name(books: Books, line: Line) -> str:
    return f"[{books.item_of(line)['name']}]"


def _write(books: Books, line: Line, what: str, actor: Actor) -> None:
    """The switch ``adjustment_note`` turns notes off or makes them late."""
    if books.switches.adjustment_note == "none":
        return
    now = books.calendar.now()
    text = f"User [{actor.name}] {what}"
    note = {
        "contractID": line.contract_id,
        "title": text[:250],
        "description": text,
        "createDateTime": now,
        "creatorResourceID": actor.resource_id,
        "impersonatorCreatorResourceID": actor.impersonator,
        "lastActivityDate": now,
    }
    if books.switches.adjustment_note == "late":
        books.late_notes.put(note)
    else:
        books.add("ContractNotes", note)
