"""The filter of a list: URL-encoded JSON with a field, a value and an operator."""

from __future__ import annotations

import json
from collections.abc import Callable

from partner_center_sandbox.books import Customer
from partner_center_sandbox.errors import bad_request


def parse_filter(text: str) -> dict[str, str]:
    """``field``, ``value`` and ``operator``; raises a RefusalError 400."""
    try:
        found = {str(name).lower(): str(value) for name, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        raise bad_request("The filter is not valid JSON.") from None
    if not {"field", "value", "operator"} <= set(found):
        raise bad_request("The filter needs Field, Value and Operator.")
    return found


def customer_filter(text: str | None) -> Callable[[Customer], bool]:
    """The one filter of the list of customers: how the company's name starts."""
    if text is None:
        return lambda _customer: True
    wanted = parse_filter(text)
    if (wanted["field"].lower(), wanted["operator"].lower()) != ("companyname", "starts_with"):
        raise bad_request("Customers are filtered by CompanyName with starts_with.")
    return lambda customer: str(customer.fields["companyName"]).lower().startswith(wanted["value"].lower())
