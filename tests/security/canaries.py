"""Words that stand for secrets and occur nowhere else, and the search for them in every spelling."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

CANARIES = {
    "the API user's name": "cnry0atuserhead@cnry0atusertail.example",
    "Autotask's secret": "Cnry0AtSecretHead\\\"/+=&%' Cnry0AtSecretTail",
    "the integration code": "CNRY0ATCODEHEAD7CNRY0ATCODETAIL",
    "Partner Center's client secret": "Cnry0PcSecretHead~+/\"%'\\&Cnry0PcSecretTail",
    "an access token": "Cnry0PcTokenHead.Cnry0PcTokenTail",
    "the store's password": "Cnry0StoreHead@/:%Cnry0StoreTail",
    "another store's password": "Cnry0OtherHead@/:%Cnry0OtherTail",
    "a broker's password": "Cnry0BrokerHead\"';Cnry0BrokerTail",
}
PLANTED = 'Cnry0PlantedHead\\"/+=&% éCnry0PlantedTail'
"""What the search itself is tested with; no secret of the run."""
_WORD = re.compile(r"[A-Za-z0-9]{12,}")


def spellings(value: str) -> dict[str, bytes]:
    """How the value may stand in bytes, by the name of the spelling; halves of it too: it may be cut off."""
    found = dict(_spellings(value))
    for number, word in enumerate(_WORD.findall(value)):
        found |= {f"part {number} as {name}": text for name, text in _spellings(word)}
    return found


def _spellings(value: str) -> Iterator[tuple[str, bytes]]:
    raw = value.encode()
    yield "text", raw
    yield "JSON", json.dumps(value)[1:-1].encode()
    yield "JSON in UTF-8", json.dumps(value, ensure_ascii=False)[1:-1].encode()
    yield "JSON in JSON", json.dumps(json.dumps(value))[3:-3].encode()
    yield "Python", repr(value)[1:-1].encode()
    yield "Python in JSON", json.dumps(repr(value)[1:-1])[1:-1].encode()
    yield "percent", quote(value, safe="").encode()
    yield "percent of a path", quote(value).encode()
    yield "form", quote_plus(value).encode()
    yield "HTML", html.escape(value).encode()
    yield "hex", raw.hex().encode()
    yield "UTF-16", value.encode("utf-16-le")
    for before in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64 for addresses", base64.urlsafe_b64encode)):
            yield (
                f"{name} after {before}",
                _common(encode(_amid(b"\0", before, raw)), encode(_amid(b"\xff", before, raw))),
            )


def _amid(other: bytes, before: int, raw: bytes) -> bytes:
    return other * before + raw + other * (3 - (before + len(raw)) % 3)


def _common(one: bytes, two: bytes) -> bytes:
    """What of a base64 text does not hang on the bytes around the value."""
    same = [a == b for a, b in zip(one, two, strict=True)]
    start = same.index(True)
    return one[start : len(same) - same[::-1].index(True)]


def search(places: Mapping[str, bytes], values: Mapping[str, str]) -> list[str]:
    """Each value that stands in a place: where, which, and how it is spelled first."""
    wanted = {name: spellings(value) for name, value in values.items()}
    return [hit for place, content in places.items() for hit in _hits(place, content, wanted)]


def _hits(place: str, content: bytes, wanted: Mapping[str, Mapping[str, bytes]]) -> Iterable[str]:
    for name, spelled in wanted.items():
        how = next((how for how, text in spelled.items() if text in content), None)
        if how is not None:
            yield f"{place} has {name} ({how})"
