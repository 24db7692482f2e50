"""What of a payload is kept and shown."""

from decimal import Decimal

import pytest

from seatledger.schemas.personal import without_people


@pytest.mark.parametrize(
    "key",
    [
        "accessToken", "clientSecret", "password", "Authorization", "links", "friendlyName", "customerFriendlyName",
        "friendly_name", "email", "contactEmail", "phoneNumber", "firstName", "first_name", "last_name", "Attention",
        "addressLine1", "primaryContact", "userPrincipalName",
    ],
)  # fmt: skip
def test_what_is_secret_or_names_a_person_is_taken_out_at_any_depth(key: str) -> None:
    """However the source spells it: the collector never stores it, and explain never shows it."""
    assert without_people({"a": [{key: "x", "quantity": 3}], key: {"b": 1}}) == {"a": [{"quantity": 3}]}


def test_what_is_business_stays_without_the_addresses_in_it() -> None:
    """Seats, states and prices are kept; an address inside a text is not; a decimal stays exact."""
    content = {"quantity": 27, "status": "active", "by": "asked by ann@kestrel.example", "cost": Decimal("1.10")}
    assert without_people(content) == {**content, "by": "asked by [address]", "cost": "1.10"}
    assert without_people({"linksOfSupply": 1, "companyName": "Kestrel"}) == {
        "linksOfSupply": 1,
        "companyName": "Kestrel",
    }
