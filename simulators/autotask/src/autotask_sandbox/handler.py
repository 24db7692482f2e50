"""From a call that passed the doors to its answer. Synchronous: an effect happens whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from autotask_sandbox import information
from autotask_sandbox.books import Books
from autotask_sandbox.calls import Call
from autotask_sandbox.doors import actor_for
from autotask_sandbox.errors import FILTERS_NULL, ApiError, RouteError
from autotask_sandbox.invoicing import document
from autotask_sandbox.paging import Links, Position, count, page, position_from
from autotask_sandbox.query import PAGE, Query, parse_query
from autotask_sandbox.rights import (
    check_target,
    check_write,
    hidden_contracts,
    hidden_costs,
    sees_nothing,
    without_cost,
)
from autotask_sandbox.routes import Route, resolve
from autotask_sandbox.seed import SeedUser
from autotask_sandbox.userfields import user_condition
from autotask_sandbox.values import wire_row
from autotask_sandbox.views import View
from autotask_sandbox.writes import create, delete, update

EVERYTHING = Query(lambda _row: True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out; ``effects`` is the range of ledger entries that this answer tells of."""

    status: int
    body: Any
    effects: tuple[int, int] = (0, 0)


class Handler:
    """Answers calls below ``V1.0`` that concern entities."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def answer(self, call: Call, user: SeedUser, back_to: float | None = None) -> Answer:
        """``back_to``: the monotonic instant whose unit rows a read sees."""
        before = len(self.books.ledger)
        try:
            body = self._body(call, user, back_to)
        except (ApiError, RouteError) as error:
            return Answer(error.status, error.body)
        return Answer(200, body, (before, len(self.books.ledger)))

    def _body(self, call: Call, user: SeedUser, back_to: float | None) -> dict[str, Any]:
        route = resolve(call)
        entity = route.entity
        match route.action:
            case "info":
                return information.info(entity, user)
            case "fields":
                return information.fields(self.books, entity)
            case "udfs":
                return information.user_fields(self.books, entity)
            case "create" | "patch" | "put" | "delete":
                return {"itemId": self._write(call, route, user)}
            case _:
                blind = sees_nothing(user, entity.name, self.books.switches)
                view = View(self.books, entity, back_to, blind, hidden_contracts(self.books, user))
                return _masked(self._read(call, route, view), entity.name, user)

    def _write(self, call: Call, route: Route, user: SeedUser) -> int | None:
        books, entity, parent_id = self.books, route.entity, route.parent_id
        check_write(user, entity.name, books.switches)
        raw = call.json() if user.rights.cost else without_cost(call.json())
        check_target(books, hidden_contracts(books, user), entity.name, raw, parent_id)
        actor = actor_for(books, entity, call, user)
        if route.action == "delete":
            return delete(books, entity, route.row_id or 0, parent_id)
        if route.action == "create":
            return create(books, entity, raw, parent_id, actor)
        return update(books, entity, raw, parent_id, actor, whole=route.action == "put")

    def _read(self, call: Call, route: Route, view: View) -> dict[str, Any]:
        entity = route.entity
        if route.action == "get":
            found = view.one(route.row_id or 0, route.parent_id)
            return {"item": None if found is None else wire_row(entity, found)}
        if route.action == "document":
            invoice = view.one(route.row_id or 0, None)
            return {"item": None if invoice is None else document(self.books, invoice, route.document)}
        base = call.url(*call.parts[2:])
        if route.action == "list":
            rows = view.rows(route.parent_id)
            return page(entity, rows, EVERYTHING, position_from(call.query.get("paging"), PAGE), Links(base))
        query = self._query(call, route)
        if route.action == "count":
            return {"queryCount": count(view.limited(query), query)}
        return self._page(call, route, view.limited(query), query)

    def _page(self, call: Call, route: Route, rows: Sequence[Any], query: Query) -> dict[str, Any]:
        """Links keep the caller's scheme and host; after GET they carry the search, after POST they do not."""
        search = call.query.get("search") if call.method == "GET" else None
        at = Position(query.page_size)
        if route.action == "next":
            at = position_from(call.query.get("paging"), query.page_size)
        return page(route.entity, rows, query, at, Links(call.url(call.parts[2], "query", "next"), search))

    def _query(self, call: Call, route: Route) -> Query:
        raw = _search(call) if call.method == "GET" else call.json()
        if raw is None and route.action == "next" and self.books.switches.next_post_without_body == "accept":
            return EVERYTHING
        return parse_query(route.entity, raw, partial(user_condition, self.books))


def _search(call: Call) -> Any:
    try:
        return json.loads(call.query["search"])
    except KeyError:
        raise ApiError(FILTERS_NULL) from None
    except ValueError:
        raise ApiError("Invalid query syntax. The search is not JSON.") from None


def _masked(body: dict[str, Any], entity: str, user: SeedUser) -> dict[str, Any]:
    """Costs are blank on read without the right (section 16)."""
    if user.rights.cost:
        return body
    hidden = hidden_costs(entity)
    for row in [body.get("item"), *body.get("items", [])]:
        if row:
            row.update({name: None for name in row if name in hidden})
    return body
