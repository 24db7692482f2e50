"""A service of the tests: keeps what it hears and tells it on (``python -m libs.runtime.tests.toy_service``)."""

from collections.abc import AsyncIterator, Sequence

from libs.runtime.tests.samples import Note
from seatledger.runtime.bus import Received, Subscription
from seatledger.runtime.run import main
from seatledger.runtime.service import Answer, Loop, Parts, Runtime
from seatledger.schemas.commands import CommandIssued, ReadMirror
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.topics import CHANGED, MAPPED

NAME = "psa-writer"


async def build(runtime: Runtime) -> Parts:
    notes = runtime.documents("notes", Note)
    lease = runtime.lease("it", length=2.0)

    def told(received: Received) -> Outgoing:
        event = Event.model_validate_json(received.event.model_dump_json())
        return Outgoing(topic=MAPPED.name, key=received.event.subject, event=event)

    async def handle(batch: Sequence[Received]) -> None:
        fresh = {item.event.subject: item for item in batch}
        known = await notes.get_many(list(fresh))
        await notes.save_many(
            [
                Note(id=key, text=told(item).model_dump_json(), outbox=(told(item),))
                for key, item in fresh.items()
                if key not in known
            ]
        )

    async def say_again() -> AsyncIterator[Outgoing]:
        for note in await notes.find({}):
            yield Outgoing.model_validate_json(note.text)

    async def read_mirror(_command: CommandIssued) -> Answer:
        return Answer(result={"notes": len(await notes.find({}))})

    return Parts(
        subscriptions=[Subscription(CHANGED, handle, accepts=(CommandIssued,))],
        loops=[Loop("lease", lease.run, every=1.0)],
        commands={ReadMirror: read_mirror},
        say_again=say_again,
    )


if __name__ == "__main__":
    main(NAME, build)
