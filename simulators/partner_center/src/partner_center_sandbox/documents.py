"""What callers of the control API send, and how they are told what is wrong with it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from partner_center_sandbox.seedfile import SeedError, read_as

T = TypeVar("T", bound=BaseModel)


class ControlError(Exception):
    """400 (404 for a thing that is not there, 409 for one that is) with a text that says where and what."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


async def document(request: Request) -> dict[str, Any]:
    """The body, an object; one that is empty is an empty object."""
    if not await request.body():
        return {}
    try:
        found = await request.json()
    except ValueError:
        raise ControlError("the body: is not JSON") from None
    if not isinstance(found, dict):
        raise ControlError("the body: is no object")
    return found


def read(model: type[T], found: dict[str, Any]) -> T:
    try:
        return read_as(model, found)
    except SeedError as error:
        raise ControlError(str(error)) from None


def flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() in {"1", "true", "yes"}
