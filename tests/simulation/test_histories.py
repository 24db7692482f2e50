"""A handful of random histories; any number by ``make histories SEEDS=``."""

import pytest

from tests.simulation.histories import play, told
from tests.simulation.run import Size

SHORT = Size(rounds=4, families=3)


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.timeout(600)
def test_units_equal_independent_arithmetic_whatever_dies(seed: int) -> None:
    """With processes killed and calls failing, each date of Autotask's books is what sources and mappings said."""
    history, effects = play(seed, SHORT)
    assert history.problems == [], "\n".join(told(history))
    assert effects > 0
