"""The token endpoint and what its tokens are good for (section 2.1)."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from partner_center_sandbox.calls import Call
from partner_center_sandbox.errors import RefusalError, SignInError, wrong_audience
from partner_center_sandbox.seed import Seed

Mode = Literal["app", "app_user"]
RESOURCES = {"https://api.partnercenter.microsoft.com", "https://partner.partnercenterapi.microsoftonline.cn"}
WITHOUT_RESOURCE = "https://graph.windows.net"


@dataclass(frozen=True, slots=True)
class Token:
    """``dies_at``: monotonic seconds."""

    mode: Mode
    audience: str
    dies_at: float


class Tokens:
    """Tokens given out since the last reset, by their text."""

    def __init__(self, seed: Seed, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seed = seed
        self._monotonic = monotonic
        self._alive: dict[str, Token] = {}

    def expire_all(self) -> int:
        """Every token given out so far is dead; how many there were."""
        count = len(self._alive)
        self._alive.clear()
        return count

    def issue(self, tenant: str, call: Call) -> dict[str, Any]:
        """The token endpoint's answer to a form; raises SignInError."""
        form = call.form() or {}
        self._check_client(tenant, form)
        mode = self._mode(form)
        resource = form.get("resource", WITHOUT_RESOURCE).rstrip("/")
        text = _jwt_like(tenant, form["client_id"], resource, self._seed.token_seconds)
        self._alive[text] = Token(mode, resource, self._monotonic() + self._seed.token_seconds)
        answer = _described(text, resource, self._seed.token_seconds)
        return {**answer, "refresh_token": form["refresh_token"]} if mode == "app_user" else answer

    def _check_client(self, tenant: str, form: dict[str, str]) -> None:
        for name in ("grant_type", "client_id", "client_secret"):
            if not form.get(name):
                text = f"The request body must contain the following parameter: '{name}'."
                raise SignInError(400, "invalid_request", 900144, text)
        if tenant.lower() != self._seed.tenant.lower():
            raise SignInError(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form["client_id"].lower() != self._seed.client_id.lower():
            raise SignInError(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        if not hmac.compare_digest(form["client_secret"].encode(), self._seed.client_secret.encode()):
            raise SignInError(401, "invalid_client", 7000215, "Invalid client secret provided.")

    def _mode(self, form: dict[str, str]) -> Mode:
        """A refresh token of the secure application model makes an App+User token."""
        match form["grant_type"]:
            case "client_credentials":
                return "app"
            case "refresh_token":
                if self._seed.refresh_token is None or form.get("refresh_token") != self._seed.refresh_token:
                    raise SignInError(400, "invalid_grant", 70000, "The refresh token is not valid.")
                return "app_user"
        raise SignInError(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")

    def check(self, call: Call) -> Mode:
        """The mode of the caller's token; 401 without a living token for this API."""
        kind, _, text = call.headers.get("authorization", "").partition(" ")
        token = self._alive.get(text.strip()) if kind.lower() == "bearer" else None
        if token is None or token.dies_at <= self._monotonic():
            raise RefusalError(401, "The access token is missing, unknown or expired.")
        if token.audience not in RESOURCES | {call.origin}:
            raise wrong_audience()
        return token.mode


def _described(text: str, resource: str, seconds: int) -> dict[str, Any]:
    """Numbers are texts here; the stamps are real time, as the life of a token is."""
    now = int(time.time())
    return {
        "token_type": "Bearer",
        "expires_in": str(seconds),
        "ext_expires_in": str(seconds),
        "expires_on": str(now + seconds),
        "not_before": str(now - 300),
        "resource": resource,
        "access_token": text,
    }


def _jwt_like(tenant: str, client: str, audience: str, seconds: int) -> str:
    """Three parts with dots between, the last of them random: a text that no client should look into."""
    claims = {"aud": audience, "tid": tenant, "appid": client, "exp": int(time.time()) + seconds}
    parts = [json.dumps(part).encode() for part in ({"typ": "JWT", "alg": "RS256"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), secrets.token_urlsafe()])
