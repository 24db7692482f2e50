"""The bus epoch (design.md section 2): one number, raised by whoever makes the topics anew.

On a new one a service reads its topics again from the beginning, under new group names, says again all that it holds,
and then stores the epoch that it finished; ``drain`` compares the two.
"""

from seatledger.runtime.store import ConflictError, Store

BUS = "bus"
"""Collection with the one document ``epoch``: ``{"_id": "epoch", "epoch": n}``."""
BUS_DONE = "bus_done"
"""Collection of the epochs that each service finished: ``{"_id": service, "epoch": n}``."""
_EPOCH = "epoch"


async def read_epoch(store: Store) -> int:
    """The bus epoch; 0 before the first topics were made."""
    document = await store.collection(BUS).get(_EPOCH)
    return 0 if document is None else int(document["epoch"])


async def raise_epoch(store: Store) -> int:
    """Begin a new epoch and return it. The topics have to stand before: services join them within 2 s."""
    collection = store.collection(BUS)
    for _ in range(20):
        current = await collection.get(_EPOCH) or {"_id": _EPOCH, "rev": 0, "epoch": 0}
        raised = int(current["epoch"]) + 1
        if await collection.replace({**current, "epoch": raised}, expected=int(current["rev"])):
            return raised
    raise ConflictError("the bus epoch changed under 20 attempts to raise it")


async def epoch_done(store: Store, service: str) -> int:
    """The last epoch in which a service said everything again; -1 where it never did."""
    document = await store.collection(BUS_DONE).get(service)
    return -1 if document is None else int(document["epoch"])


async def epochs_done(store: Store) -> dict[str, int]:
    """:func:`epoch_done` of each service that ever finished one."""
    return {document["_id"]: int(document["epoch"]) for document in await store.collection(BUS_DONE).find({})}


async def finish_epoch(store: Store, service: str, epoch: int) -> None:
    """Store that a service has said everything again in this epoch; never lowers it."""
    collection = store.collection(BUS_DONE)
    for _ in range(20):
        current = await collection.get(service) or {"_id": service, "rev": 0, "epoch": -1}
        if int(current["epoch"]) >= epoch:
            return
        if await collection.replace({**current, "epoch": epoch}, expected=int(current["rev"])):
            return
    raise ConflictError(f"the finished epoch of {service} changed under 20 attempts to raise it")
