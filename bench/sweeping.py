"""Partner Center: a sweep of 400 tenants within the vendor's limits, and the seconds from a hint to Autotask.

Three accounts with 100, 200 and 400 tenants. The limit of 500 calls a minute is each sandbox's own, counted as the
vendor counts. A hint's latency runs from the change at the distributor to the adjustment's effect, on one clock, by
looking every few milliseconds.
"""

import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from bench.estate import USER, Estate, Seed, connection, estate, mappings, percentile
from bench.results import Results, Row, say
from scenarios import cloud, world

TENANTS = (100, 200, 400)
FED = HINTS = 20
HINT_SECONDS, SWEEP_MINUTES = 5.0, 2.0
LONGEST = 60.0


def autotask(year: int) -> Row:
    """A company, a contract and a line for each tenant whose seats are followed to Autotask."""
    return {
        "users": [USER],
        "companies": [{"id": 1001 + n, "companyName": f"Company {n}"} for n in range(FED)],
        "services": [{"id": 9001, "name": "Microsoft 365 Business Basic", "unitPrice": 5.6}],
        "contracts": [
            {
                "id": 5001 + n, "companyID": 1001 + n, "contractName": f"Contract {n}", "startDate": f"{year}-01-01",
                "endDate": f"{year + 1}-12-31", "services": [{"id": 8001 + n, "serviceID": 9001, "units": 5}],
            }
            for n in range(FED)
        ],
    }  # fmt: skip


def partner_center(tenants: int) -> Row:
    return {
        "tenant": cloud.TENANT, "client_id": cloud.CLIENT, "client_secret": cloud.CLIENT_SECRET, "page_size": 40,
        "customers": [
            {
                "id": cloud.customer_id(n), "companyName": f"Company {n}", "domain": f"customer{n}.example",
                "subscriptions": [{"id": subscription(n), "offerId": "CFQ7TTC0LH18:0001:CFQ7TTC0K5QB", "quantity": 5}],
            }
            for n in range(tenants)
        ],
    }  # fmt: skip


def subscription(tenant: int) -> str:
    return f"5b5c0000-0000-4000-8000-{tenant:012d}"


def account(tenants: int) -> str:
    return f"pc{tenants}"


def configuration(urls: Mapping[str, str]) -> Row:
    collector = f"127.0.0.1:{world.free_port()}"
    sources = {
        account(tenants): {
            "kind": "partner-center", "psa": "main", "rank": rank, "url": urls[account(tenants)],
            "authority_url": urls[account(tenants)], "tenant": cloud.TENANT, "client_id": cloud.CLIENT,
            "client_secret": "${file:partner-center-secret}", "poll_seconds": 86400,
        }
        for rank, tenants in enumerate(TENANTS, start=1)
    }  # fmt: skip
    largest = account(TENANTS[-1])
    sources[largest]["webhook"] = {"public_url": f"http://{collector}/webhooks/{largest}"}
    return {
        "state_dir": "st", "services": {"collector": {"http": collector}},
        "psa": {"main": connection(urls["autotask"])}, "sources": sources,
    }  # fmt: skip


def measure(results: Results) -> None:
    seeds = {account(tenants): Seed("partner-center", partner_center(tenants)) for tenants in TENANTS}
    seeds["autotask"] = Seed("autotask", autotask(datetime.now(UTC).year))
    with estate(seeds, configuration, secret=cloud.CLIENT_SECRET) as at:
        _measure(at, results)


def _measure(at: Estate, results: Results) -> None:
    at.start()
    say("  the first sweeps take about a minute …")
    at.cli.run("mirror")
    largest = account(TENANTS[-1])
    at.map(mappings(largest, range(FED), cloud.customer_id, {"CFQ7TTC0LH18:0001": 9001}))
    world.wait_for(lambda: _swept(at), 300, "the first sweeps did not end within five minutes")
    minutes = [(float(tenants), _sweep(at, tenants)) for tenants in TENANTS]
    results.below(f"sweep of {TENANTS[-1]} tenants", minutes[-1][1], "minutes", SWEEP_MINUTES)
    counters = at.sandboxes[largest].get("/_sandbox/counters")
    refused = counters["throttled"] + counters["over_limit"]
    results.at_most("calls refused by Partner Center's limit", refused, "calls", 0)
    at.drain()
    seconds = [_hint(at, tenant, 7) for tenant in range(HINTS)]
    note = f"{len(seconds)} hints one after the other, median {statistics.median(seconds):.2f} s"
    results.below("a hint to posted, p95", percentile(seconds, 0.95), "s", HINT_SECONDS, note=note)
    results.growth("a sweep of Partner Center", "tenants", "minutes", {"sweep": minutes})


def _swept(at: Estate) -> bool:
    found = at.cli.run("status", accept=(0, 1))["sources"]
    return all(source["last_complete_sweep_at"] is not None for source in found)


def _sweep(at: Estate, tenants: int) -> float:
    """Minutes of one sweep that reads everything."""
    began = time.monotonic()
    (sweep,) = at.cli.run("collect", account(tenants), "--timeout", "170")
    minutes = (time.monotonic() - began) / 60
    if not sweep["complete"] or sweep["customers"] != tenants:
        raise RuntimeError(f"the sweep of {tenants} tenants was not whole: {sweep}")
    return minutes


def _hint(at: Estate, tenant: int, seats: int) -> float:
    """Seconds from the change at the distributor to its effect in Autotask."""
    path = f"/_sandbox/customers/{cloud.customer_id(tenant)}/subscriptions/{subscription(tenant)}"
    began = time.monotonic()
    at.sandboxes[account(TENANTS[-1])].send("PATCH", path, {"quantity": seats})
    while _units(at)[8001 + tenant] != seats:
        if time.monotonic() - began > LONGEST:
            return float("inf")
        time.sleep(0.01)
    return time.monotonic() - began


def _units(at: Estate) -> dict[int, int]:
    rows = at.sandboxes["autotask"].get(f"/_sandbox/units?on={datetime.now(UTC).date()}")
    return {row["contractServiceID"]: row["units"] for row in rows}
