"""The least that answers each event with an event, with aiokafka and pydantic alone: what a stage is compared with."""

import asyncio
import hashlib
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import BaseModel, ConfigDict

from bench.gauge import Gauge
from bench.samples import NOW, mapped
from seatledger.runtime.kafka import BATCH, POLL_MS
from seatledger.runtime.kafka_client import REQUEST_SECONDS, Connection
from seatledger.runtime.kafka_packing import LARGEST_REQUEST
from seatledger.schemas.base import Instant
from seatledger.schemas.envelope import DATASCHEMA
from seatledger.schemas.ids import CompanyKey
from seatledger.schemas.subscriptions import SubscriptionChanged, SubscriptionMapped
from seatledger.schemas.topics import CHANGED, MAPPED


class _Envelope(BaseModel):
    """A CloudEvent as the bare loop reads and writes it: envelope and data in one go."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    correlationid: str
    causationid: str | None = None


class ChangedEnvelope(_Envelope):
    data: SubscriptionChanged


class MappedEnvelope(_Envelope):
    data: SubscriptionMapped


def answer(value: bytes) -> tuple[bytes, bytes]:
    """Key and value of the event that the bare loop says to a record."""
    heard = ChangedEnvelope.model_validate_json(value)
    data = mapped(heard.data)
    company = str(CompanyKey(connection=data.connection, company=data.company))
    identity = hashlib.sha256(f"SubscriptionMapped\n{heard.subject}\n{data.revision}/{company}".encode()).hexdigest()
    said = MappedEnvelope(
        id=identity[:32],
        source="/mapper",
        type="SubscriptionMapped",
        subject=heard.subject,
        time=NOW,
        dataschema=DATASCHEMA.format(name="SubscriptionMapped", major=1),
        correlationid=heard.correlationid,
        causationid=heard.id,
        data=data,
    )
    return company.encode(), said.model_dump_json().encode()


async def bare(connection: Connection, group: str, gauge: Gauge) -> None:
    """Read, validate, answer, produce, confirm, commit; until killed."""
    common: dict[str, Any] = {
        "bootstrap_servers": connection.servers,
        "request_timeout_ms": int(REQUEST_SECONDS * 1000),
    }
    producer = AIOKafkaProducer(
        **common,
        acks="all",
        enable_idempotence=False,
        linger_ms=2,
        max_batch_size=256 * 1024,
        max_request_size=LARGEST_REQUEST,
    )
    consumer = AIOKafkaConsumer(
        connection.prefix + CHANGED.name,
        **common,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=connection.session_ms,
        heartbeat_interval_ms=connection.heartbeat_ms,
    )
    await producer.start()
    await consumer.start()
    topic = connection.prefix + MAPPED.name
    while True:
        found = await consumer.getmany(max_records=BATCH, timeout_ms=POLL_MS)
        records = [record for part in found.values() for record in part]
        if not records:
            continue
        gauge.arrived()
        futures = []
        for record in records:
            key, value = answer(record.value)
            futures.append(await producer.send(topic, value=value, key=key))
        await asyncio.gather(*futures)
        gauge.done(len(records))
        await consumer.commit()
