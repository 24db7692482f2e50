"""Models as tables: each field with its type, what it means, and an example; for documents made from the models.

A field's own text counts, else that of its type: an identity of :mod:`seatledger.schemas.ids`, an enum, another model.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import pairwise
from types import ModuleType, NoneType
from typing import Annotated, Any, Final, Literal, NewType, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

WORDS: Final[dict[Any, str]] = {
    str: "text",
    int: "integer",
    bool: "true or false",
    date: "date",
    AwareDatetime: "instant (UTC)",
    Decimal: "decimal, as text",
    NoneType: "null",
    Any: "anything",
}


@dataclass(frozen=True)
class FieldRow:
    """One field. ``always`` is False where an older event may lack it; ``example`` is None where there is none."""

    name: str
    type: str
    always: bool
    meaning: str
    example: Any = None


def rows(model: type[BaseModel], examples: list[Any]) -> list[FieldRow]:
    """The fields of a model in the order in which they are written; the first example with a value of each counts."""
    objects = [one for one in examples if isinstance(one, dict)]
    return [
        FieldRow(
            name,
            type_text(field.annotation),
            field.is_required(),
            describe(model, name),
            next((one[name] for one in objects if one.get(name) not in (None, "", [], {})), None),
        )
        for name, field in model.model_fields.items()
    ]


def inner_models(model: type[BaseModel], examples: list[Any]) -> Iterator[tuple[type[BaseModel], list[Any]]]:
    """The models that its fields hold, each with the examples of it, however deep; one may come more than once."""
    for name, field in model.model_fields.items():
        found = [inner for one in examples if isinstance(one, dict) for inner in _listed(one.get(name))]
        for kind in parts(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                fitting = [one for one in found if _fits(kind, one)]
                yield kind, fitting
                yield from inner_models(kind, fitting)


def describe(model: type[BaseModel], field: str) -> str:
    """One paragraph, or "" where neither the field nor its type says anything."""
    fixed = get_args(model.model_fields[field].annotation)
    if get_origin(model.model_fields[field].annotation) is Literal and len(fixed) == 1:
        return f"Always `{fixed[0]}`."
    for owner in model.__mro__:
        if issubclass(owner, BaseModel) and field in (own := _of_class(owner)):
            return own[field]
    return next((text for kind in parts(model.model_fields[field].annotation) if (text := _of_type(kind))), "")


def parts(annotation: Any) -> list[Any]:
    """The types that an annotation is made of, itself included."""
    inner = () if get_origin(annotation) is Literal else get_args(annotation)
    return [annotation, *(part for one in inner for part in parts(one))]


def type_text(annotation: Any) -> str:
    """A type in words; enums and models by their names."""
    if isinstance(annotation, NewType):
        return type_text(annotation.__supertype__)
    if annotation in WORDS:
        return WORDS[annotation]
    inner = get_args(annotation)
    return _of_generic(get_origin(annotation), inner) if inner else str(annotation.__name__)


def _of_generic(origin: Any, inner: tuple[Any, ...]) -> str:
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin is tuple:
        return f"list of {type_text(inner[0])}"
    if origin is dict:
        return "object"
    if origin is Annotated:
        return type_text(inner[0])
    return " or ".join(type_text(one) for one in inner)


def first_paragraph(text: str | None) -> str:
    """A docstring's first paragraph on one line."""
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fits(model: type[BaseModel], example: Any) -> bool:
    """Of several models at one place: the one whose fixed fields the example has."""
    fixed = {
        name: field.default for name, field in model.model_fields.items() if get_origin(field.annotation) is Literal
    }
    return isinstance(example, dict) and all(example.get(name) == value for name, value in fixed.items())


def _of_type(kind: Any) -> str:
    if isinstance(kind, NewType):
        return _of_module(sys.modules[str(kind.__module__)]).get(kind.__name__, "")
    if isinstance(kind, type) and issubclass(kind, BaseModel | Enum):
        return first_paragraph(kind.__doc__)
    return ""


@cache
def _of_module(module: ModuleType) -> dict[str, str]:
    return _texts(ast.parse(inspect.getsource(module)).body)


@cache
def _of_class(model: type[BaseModel]) -> dict[str, str]:
    if not model.__module__.startswith(__package__ or ""):
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[model.__module__]))
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == model.__name__]
    return _texts(found[0].body) if found else {}


def _texts(body: list[ast.stmt]) -> dict[str, str]:
    """Per name the string that stands right below its declaration."""
    texts = {}
    for declared, below in pairwise(body):
        match declared, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                texts[name] = first_paragraph(text)
            case _:
                pass
    return texts
