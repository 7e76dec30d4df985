"""How clients sign in at the Exchange server of the tests: basic, NTLM (the real dance), Kerberos, tokens and who gives them."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import spnego


@dataclass
class SignIn:
    """Who may come in, and how."""

    passwords: dict[str, str] = field(default_factory=dict)
    schemes: tuple[str, ...] = ("Basic",)
    secret: str = "client-secret"
    tokens: dict[str, str] = field(default_factory=dict)
    """Tokens that hold, and whose they are."""
    takes_no_token: bool = False
    spoilt: list[tuple[int, bytes]] = field(default_factory=list)
    """Answers that the next requests for a token get."""
    issued: list[dict[str, str]] = field(default_factory=list)
    """What each request for a token said."""
    numbers: Any = field(default_factory=lambda: count(1))

    def user_of(self, handler: Any) -> tuple[str | None, Sequence[str]]:
        """The user of a request, or None and what to answer."""
        scheme, _, value = handler.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic" and "Basic" in self.schemes:
            name, _, password = base64.b64decode(value).decode().partition(":")
            return (name, ()) if self.passwords.get(name) == password else (None, self.schemes)
        if scheme == "Bearer" and "Bearer" in self.schemes:
            return None if self.takes_no_token else self.tokens.get(value), self.schemes
        if scheme == "Negotiate" and "Negotiate" in self.schemes:
            return self._kerberos(value)
        if scheme in ("NTLM", "Negotiate") and "NTLM" in self.schemes:
            return self._ntlm(handler, scheme, value)
        return handler.user, self.schemes

    def _ntlm(self, handler: Any, scheme: str, value: str) -> tuple[str | None, Sequence[str]]:
        """[MS-NTHT]: a challenge on the first message, and the connection is the user's after the third."""
        handler.dance = handler.dance or spnego.server(protocol="ntlm")
        try:
            answer = handler.dance.step(base64.b64decode(value))
        except spnego.exceptions.SpnegoError:
            handler.dance = None
            return None, self.schemes
        if handler.dance.complete:
            handler.user = str(handler.dance.client_principal).rpartition("\\")[2]
            return handler.user, ()
        return None, [f"{scheme} {base64.b64encode(answer or b'').decode()}"]

    def _kerberos(self, value: str) -> tuple[str | None, Sequence[str]]:
        """RFC 4559: a token with each request. The service's key is that of the environment (KRB5_KTNAME)."""
        gssapi = importlib.import_module("gssapi")
        context = gssapi.SecurityContext(usage="accept")
        try:
            context.step(base64.b64decode(value))
            if context.complete:  # which raises what the step found wrong
                return str(context.initiator_name).partition("@")[0], ()
        except gssapi.exceptions.GSSError:
            pass
        return None, self.schemes

    def expire(self) -> None:
        """All tokens end before their time."""
        self.tokens.clear()


def token_answer(sign_in: SignIn, path: str, body: bytes, base: str) -> tuple[int, bytes] | None:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and its metadata document."""
    if path.endswith("/.well-known/openid-configuration"):
        tenant = path.split("/")[1]
        if tenant == "nowhere":
            return 400, json.dumps({"error": "invalid_tenant", "error_description": "AADSTS90002"}).encode()
        whole = f"{base}/{tenant}"
        document = {
            "issuer": f"{whole}/v2.0",
            "token_endpoint": f"{whole}/oauth2/v2.0/token",
            "authorization_endpoint": f"{whole}/oauth2/v2.0/authorize",
        }
        return 200, json.dumps(document).encode()
    if not path.endswith("/oauth2/v2.0/token"):
        return None
    asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    sign_in.issued.append(asked)
    if sign_in.spoilt:
        return sign_in.spoilt.pop(0)
    if asked.get("client_secret") != sign_in.secret and "client_assertion" not in asked:
        return 401, json.dumps({"error": "invalid_client", "error_description": "AADSTS7000215"}).encode()
    token = f"token-{next(sign_in.numbers)}"
    sign_in.tokens[token] = "service"
    return 200, json.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": token}).encode()
