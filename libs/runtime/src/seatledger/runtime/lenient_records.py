"""Lets aiokafka hand over records whose header *names* are not UTF-8.

aiokafka 0.14 decodes names while it unpacks a fetch, and fails for the fetch as a whole: the partition stands still for
ever, and records that other partitions gave in the same poll are dropped although their positions moved (measured). The
batch in question alone is unpacked once more by aiokafka's slower reader, with such names as escaped surrogates;
:mod:`seatledger.runtime.delivery` sends these records to dead.v1.
"""

from collections.abc import Iterator
from typing import Any, SupportsIndex


def read_leniently() -> None:
    """Make all of aiokafka's consumers in this process read that way."""
    import aiokafka.consumer.fetcher

    aiokafka.consumer.fetcher.MemoryRecords = LenientRecords


class LenientRecords:
    """aiokafka's ``MemoryRecords`` over the bytes of one partition's answer."""

    def __init__(self, data: bytes) -> None:
        from aiokafka.record.memory_records import MemoryRecords

        self._data = data
        self._records: Any = MemoryRecords(data)
        self._index = 0

    def size_in_bytes(self) -> int:
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> "_Batch":
        batch = self._records.next_batch()
        self._index += 1
        return _Batch(batch, self._data, self._index - 1)


class _Batch:
    """One batch: everything as aiokafka's own has it, but for the iteration."""

    def __init__(self, batch: Any, data: bytes, index: int) -> None:
        self._batch = batch
        self._data = data
        self._index = index

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)  # aiokafka looks into control batches this way

    def __iter__(self) -> Iterator[Any]:
        done = 0
        try:
            for record in self._batch:
                yield record
                done += 1
        except UnicodeDecodeError:
            for number, record in enumerate(_escaped(self._data, self._index)):
                if number >= done:
                    yield record


def _escaped(data: bytes, index: int) -> Any:
    """The records of the batch at ``index``, read by aiokafka's reader in Python."""
    from aiokafka.record.default_records import _DefaultRecordBatchPy
    from aiokafka.record.memory_records import _MemoryRecordsPy

    records = _MemoryRecordsPy(data)
    for _ in range(index):
        records.next_batch()
    batch = _DefaultRecordBatchPy(records._next_slice)
    batch._maybe_uncompress()
    batch._buffer = _Escaping(batch._buffer)
    return batch


class _Escaping(bytearray):
    """Bytes whose slices decode with escapes instead of failing."""

    def __getitem__(self, index: "SupportsIndex | slice") -> Any:
        found = super().__getitem__(index)
        return _Escaping(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "surrogateescape" if errors == "strict" else errors)
