"""The mapper's metric: its results, by what it made of a subscription."""

from services.mapper.tests.mapper_bench import Bench, customer_row, offer_row
from services.mapper.tests.mapper_samples import snapshot


async def test_results_are_counted_by_kind() -> None:
    """Parked first and mapped later: one of each; the same snapshot again is none."""
    bench = await Bench().start()
    await bench.see(snapshot())
    await bench.map(customer_row(), offer_row())
    await bench.loops()
    await bench.see(snapshot())
    counts = {
        result: bench.metrics.registry.get_sample_value(
            "seatledger_decisions_total", {"source": "drop", "result": result}
        )
        for result in ("unmapped", "mapped")
    }
    assert counts == {"unmapped": 1, "mapped": 1}
