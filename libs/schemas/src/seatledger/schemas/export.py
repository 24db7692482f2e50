"""What is made from the models and committed: ``python -m seatledger.schemas.export`` writes all of it.

JSON Schemas of the events (``libs/schemas/json-schema``), the AsyncAPI document (``docs/asyncapi.json``) and a page for
each topic (``docs/topics``).
"""

import argparse
import json
from pathlib import Path

from seatledger.schemas.asyncapi import document
from seatledger.schemas.base import Json
from seatledger.schemas.registry import EVENT_DATA
from seatledger.schemas.topic_pages import pages

GOLDEN = Path("libs/schemas/tests/golden")
"""Below the checkout: one example of each event."""


def json_schemas() -> dict[str, Json]:
    """Per file name (``SubscriptionChanged.1.json``) the JSON Schema of the event's data, as it is written."""
    return {
        f"{model.event_type}.{model.event_major}.json": model.model_json_schema(mode="serialization")
        for model in EVENT_DATA.values()
    }


def as_text(schema: Json) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def files(checkout: Path) -> dict[str, str]:
    """Per path below the checkout its text."""
    examples = {path.stem: json.loads(path.read_text()) for path in sorted((checkout / GOLDEN).glob("*.json"))}
    return {
        **{f"libs/schemas/json-schema/{name}": as_text(schema) for name, schema in json_schemas().items()},
        "docs/asyncapi.json": json.dumps(document(examples), indent=1, ensure_ascii=False) + "\n",
        **{f"docs/topics/{name}": text for name, text in pages(examples).items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Write what is made from the models.")
    default = Path(__file__).parents[5]
    parser.add_argument("checkout", nargs="?", type=Path, default=default, help="default: that of this module")
    checkout: Path = parser.parse_args().checkout
    for name, text in files(checkout).items():
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
