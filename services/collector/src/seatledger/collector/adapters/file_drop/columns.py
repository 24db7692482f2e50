"""The columns of a drop, and what is wrong with a header."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from seatledger.collector.domain.reading import Problem
from seatledger.schemas.findings import FindingCode

REQUIRED: Final = (
    "source_system",
    "record_type",
    "customer_id",
    "customer_name",
    "subscription_id",
    "offer_name",
    "status",
    "quantity",
    "billing_cycle",
)
OPTIONAL: Final = (
    "source_account",
    "observed_at",
    "customer_tenant_id",
    "customer_domain",
    "vendor_subscription_id",
    "parent_subscription_id",
    "subscription_name",
    "resource_id",
    "resource_name",
    "offer_id",
    "vendor",
    "offer_kind",
    "assigned_quantity",
    "unit_type",
    "unit_price",
    "unit_cost",
    "currency",
    "term_duration",
    "term_start",
    "term_end",
    "end_inclusive",
    "auto_renew",
    "is_trial",
    "promotion_id",
    "order_id",
    "effective_date",
    "change_type",
    "previous_quantity",
    "last_modified",
)
KNOWN: Final = frozenset((*REQUIRED, *OPTIONAL))
SUBSCRIPTION: Final = "subscription_id"

_GAPS = re.compile(r"[\s_\-]+")


def column(name: str) -> str:
    """A column's name whatever its case and spacing: ``"Subscription ID"`` → ``"subscription_id"``."""
    return _GAPS.sub("_", name.strip()).casefold()


def missing(names: Iterable[str], line: int) -> Problem | None:
    """A required column that is not there, or None. Without it no row can be read, so the file is not taken."""
    present = {column(name) for name in names}
    absent = [name for name in REQUIRED if name not in present]
    if not absent:
        return None
    strange = sorted(present - KNOWN - {""})
    near = [f"{absent_one} (is it {hit[0]!r}?)" for absent_one in absent if (hit := _near(absent_one, strange))]
    named = ", ".join([*near, *(name for name in absent if not any(n.startswith(f"{name} ") for n in near))])
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"the column {named} is missing; the file was not taken",
        "Add or rename the column and put the file into the folder again.",
        line=line,
        column=absent[0],
        stops=False,
    )


def oddities(names: Sequence[str], line: int) -> list[Problem]:
    """What is odd about a header whose rows can be read all the same: doubled columns, optional ones renamed."""
    plain = [column(name) for name in names]
    counts = Counter(plain)
    doubled = [name for name in counts if name in KNOWN and counts[name] > 1]
    absent = [name for name in OPTIONAL if name not in counts]
    renamed = [(name, hit[0]) for name in counts if name and name not in KNOWN and (hit := _near(name, absent))]
    return [*(_doubled(name, line) for name in doubled), *(_renamed(name, meant, line) for name, meant in renamed)]


def _near(name: str, among: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(name, among, n=1, cutoff=0.8)


def _doubled(name: str, line: int) -> Problem:
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"the column {name} stands twice; only rows in which both say the same count",
        "Leave one of the two columns out.",
        line=line,
        column=name,
        stops=False,
    )


def _renamed(name: str, meant: str, line: int) -> Problem:
    return Problem(
        FindingCode.SOURCE_VALUE_UNKNOWN,
        f"the column {name!r} is not known and was not read; is it {meant}?",
        f"Rename it to {meant}, or to something less alike if it is another thing.",
        line=line,
        column=name,
        stops=False,
    )
