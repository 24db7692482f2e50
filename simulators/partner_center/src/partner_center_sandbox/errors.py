"""Answers that are not a success, in the three shapes that Partner Center has (section 2.2)."""

from __future__ import annotations

from typing import Any, Literal

Shape = Literal["classic", "newer", "gateway"]


class RefusalError(Exception):
    """A refusal by the API: HTTP status, the vendor's code and a text in one of the three shapes."""

    def __init__(self, status: int, text: str, *, code: int | None = None, shape: Shape = "classic") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.code = status if code is None else code
        self.shape = shape

    def body(self, shape: Shape | None = None) -> dict[str, Any]:
        """The error document; ``shape`` overrules the one that this refusal has by itself."""
        match shape or self.shape:
            case "classic":
                return {"code": self.code, "description": self.text, "data": [], "source": "PartnerFD"}
            case "newer":
                return {
                    "code": self.code,
                    "message": self.text,
                    "description": self.text,
                    "errorName": "".join(word.capitalize() for word in self.text.split(".")[0].split()[:4]),
                    "isRetryable": self.status in {409, 429} or self.status >= 500,
                    "parameters": {},
                }
            case _:
                return {"statusCode": self.status, "message": self.text}


class ThrottledError(RefusalError):
    """429 by the gateway, with the seconds after which a call may be made again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(429, f"Rate limit is exceeded. Try again in {seconds} seconds.", shape="gateway")
        self.seconds = seconds


class SignInError(Exception):
    """A refusal by the token endpoint, in the shape of the directory service."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.error = error
        self.number = number
        self.text = f"AADSTS{number}: {text}"


def not_found(what: str) -> RefusalError:
    return RefusalError(404, f"{what} was not found.")


def bad_request(text: str) -> RefusalError:
    return RefusalError(400, text)


def no_route() -> RefusalError:
    return RefusalError(404, "Resource not found", shape="gateway")


def wrong_mode() -> RefusalError:
    """Section 2.1: a call made in the wrong of the two modes."""
    return RefusalError(403, "The call needs App+User authentication.", code=900329)


def wrong_audience() -> RefusalError:
    return RefusalError(401, "The audience of the token is not supported.", code=900420)
