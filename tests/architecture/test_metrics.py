"""No metric is declared in vain, and none is fed by a service that does not say so."""

import ast

import pytest

from seatledger.runtime.metrics import Declared, Metrics
from seatledger.schemas.heads import SERVICES
from tests.architecture.product import ROOT, tree

METRICS = Metrics()
ATTRIBUTES = {
    described.name: attribute
    for attribute, value in vars(METRICS).items()
    if hasattr(value, "describe")
    for described in value.describe()
}


def attributes(folder: str) -> set[str]:
    """Names of all that is read of ``…metrics`` in a folder's modules."""
    return {
        node.attr
        for path in (ROOT / folder).glob("src/**/*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("metrics")
    }


@pytest.mark.parametrize("one", METRICS.declared, ids=lambda one: one.name)
def test_a_metric_is_fed_by_the_services_that_it_names(one: Declared) -> None:
    """What every service shows is fed by the runtime, the rest by the code of exactly the services named."""
    feeders = {name for name in SERVICES if ATTRIBUTES[one.name] in attributes(f"services/{name}")}
    in_runtime = ATTRIBUTES[one.name] in attributes("libs/runtime")
    assert (in_runtime, feeders) == ((True, set()) if one.fed_by == SERVICES else (False, set(one.fed_by)))
