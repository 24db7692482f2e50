"""Answers that are not a success, with the texts of reference section 5."""

from __future__ import annotations

NO_CONTRACT_WINDOW = (
    "ContractServiceAdjustment effectiveDate must be between the start date and end date of the Contract "
    "referenced by contractID."
)
DUPLICATE_PERIOD = "Attempt to insert duplicate data into contract_service_period"
POSTED_PERIOD = (
    "Unable to make changes as it would result in the deletion/modification of an already approved and posted "
    "contract period"
)
DUPLICATE_SERVICE_NAME = (
    "Violation of UNIQUE KEY constraint 'IX_service'. Cannot insert duplicate key in object 'dbo.Service'. "
    "The duplicate key value is ({name}). Error updating database for new entity records."
)
NEGATIVE_UNITS = "The unit change would result in a negative number of units for the contract service."
NO_PERMISSION = "The logged in Resource does not have the adequate permissions"
BAD_INTEGRATION_CODE = "IntegrationCode is invalid."
UNKNOWN_ZONE_USER = "Zone information could not be determined"
FILTERS_NULL = "Value cannot be null. Parameter name: filters"
MAX_RECORDS = "maxCountOfRecordsToReturn must be between 1 and 500"
OR_LIMIT = "Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions."
THREADS_EXCEEDED = "The Autotask API thread threshold of {threads} threads has been exceeded."
OVER_LIMIT = "The Autotask API request threshold of {threshold} requests per 60 minutes has been exceeded."
BAD_LOGIN = "The user name or secret is not valid."
RECORD_NOT_FOUND = "No matching records found. The logged in Resource may not have the required permissions."

NOTHING_TO_DELETE = (
    "No message. No matching records found. The logged in Resource may not have the required permissions to delete "
    "the data."
)
CANNOT_DELETE = "The record cannot be deleted because other records depend on it."
NO_IMPERSONATION = "The ImpersonationResourceId is not valid for this request."


class ApiError(Exception):
    """A refusal in the API's own shape: ``{"errors": [...]}``; status 500 unless said otherwise (section 5)."""

    def __init__(self, *texts: str, status: int = 500) -> None:
        super().__init__("; ".join(texts))
        self.status = status
        self.texts = texts

    @property
    def body(self) -> dict[str, list[str]]:
        return {"errors": list(self.texts)}


class RouteError(Exception):
    """A refusal by the web framework in front of the API: ``{"Message": ...}`` (section 5)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def body(self) -> dict[str, str]:
        return {"Message": self.message}


def not_routed(uri: str) -> RouteError:
    """404: no route of this shape exists."""
    return RouteError(404, f"No HTTP resource was found that matches the request URI '{uri}'.")


def verb_not_routed(method: str) -> RouteError:
    """405: the route exists, but not for this verb."""
    return RouteError(405, f"The requested resource does not support http method '{method}'.")


def unknown_field(name: str, entity: str) -> ApiError:
    """A field that the entity does not have, in a filter or in includeFields."""
    return ApiError(f"Unable to find {name} in the {entity} Entity.")


def bad_reference(field: str, entity: str) -> ApiError:
    """A dangling id; ``entity`` is the entity the id should have pointed to."""
    return ApiError(f"Reference value on field: {field} of type: {entity} does not exist or is invalid.")


def unparsable(text: str, path: str) -> ApiError:
    """A JSON value of the wrong type; the text names the character where the parser of Autotask stops."""
    return ApiError(f"Unexpected character encountered while parsing value: {text[:1] or ' '}. Path '{path}'.")
