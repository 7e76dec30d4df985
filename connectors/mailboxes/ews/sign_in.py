"""How a source signs in at an Exchange server: OAuth2 by secret or certificate, NTLM, Kerberos, basic."""

from __future__ import annotations

import hashlib
import importlib
import logging
import ssl
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
import msal  # type: ignore[import-untyped]
import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests_ntlm import HttpNtlmAuth

from capstone.domain.errors import BadSettings, SourceRefused, SourceUnavailable
from connectors.mailboxes.ews.line import LineAdapter, Trust, session_with

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
_NO_TICKET_NEXT = "Name a keytab in KRB5_CLIENT_KTNAME, or run kinit as the user that runs this; klist shows what there is."

logging.getLogger("requests_gssapi").setLevel(logging.CRITICAL)
# It logs what Kerberos says, in which users are named. A request that it could not sign is refused by the server.


@dataclass(frozen=True, slots=True)
class EwsApplication:
    """An application that gets tokens: a secret or the PEM text of a certificate with its key."""

    tenant: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    authority: str = PUBLIC_AUTHORITY


@dataclass(frozen=True, slots=True)
class EwsLogin:
    """Who signs in, and how."""

    sign_in: Literal["oauth2", "ntlm", "kerberos", "basic"]
    user: str = ""
    password: str = field(default="", repr=False)
    application: EwsApplication | None = None


class Tokens(AuthBase):
    """Bearer tokens for one service, kept until they end."""

    def __init__(self, application: EwsApplication, service: str, trust: Trust) -> None:
        """`service` is the scheme and host that the tokens are for."""
        self._application, self._scope = application, f"{service}/.default"
        self._client: Any = None
        self._http = session_with(LineAdapter(trust))
        self._http.hooks["response"].append(_must_tell)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request. Raises SourceRefused, SourceUnavailable."""
        request.headers["Authorization"] = f"Bearer {self._token()}"
        return request

    def renew(self) -> None:
        """The server does not take the token any more, whatever its date says."""
        if self._client is not None:
            self._client.remove_tokens_for_client()

    def close(self) -> None:
        """End the line to the server that gives tokens."""
        self._http.close()

    def _token(self) -> str:
        try:
            told = self._made().acquire_token_for_client(scopes=[self._scope])
        except (requests.RequestException, OSError) as exc:
            raise SourceUnavailable("The server that gives tokens cannot be reached, or gave no answer.") from exc
        except (ValueError, jwt.PyJWTError) as exc:
            raise SourceRefused("The tenant is not known where tokens come from, or the certificate cannot be used.") from exc
        if "access_token" not in told:
            why = f"The server that gives tokens refused one to this application ({told.get('error', 'no reason given')})."
            raise SourceRefused(why, "Check tenant, client_id and the secret or certificate of this source.")
        return str(told["access_token"])

    def _made(self) -> Any:
        if self._client is None:
            application = self._application
            self._client = msal.ConfidentialClientApplication(
                application.client_id,
                authority=f"{application.authority.rstrip('/')}/{application.tenant}",
                client_credential=application.secret or _credential(application.certificate or ""),
                http_client=self._http,
                instance_discovery=False,
            )
        return self._client


def _must_tell(response: requests.Response, **_more: object) -> None:
    """Raises RequestException where asking again may help. msal would take a busy server for a refusal, and log what it cannot
    read, which may be the most of a token."""
    try:
        told = response.json()
    except ValueError:
        told = None
    if response.status_code == requests.codes.too_many_requests or not isinstance(told, dict):
        raise requests.RequestException("no token")


def auth_for(login: EwsLogin, service: str, trust: Trust) -> AuthBase:
    """What signs the requests. Raises BadSettings where a package is missing."""
    match login.sign_in:
        case "basic":
            return HTTPBasicAuth(login.user.encode(), login.password.encode())
        case "ntlm":
            return _ntlm(login)
        case "kerberos":
            return _kerberos()
        case "oauth2":
            if login.application is None:
                raise BadSettings("oauth2 needs an application.")
            return Tokens(login.application, service, trust)


def _ntlm(login: EwsLogin) -> AuthBase:
    return HttpNtlmAuth(login.user, login.password)


def _kerberos() -> AuthBase:
    """With the ticket, or the keytab, of who runs this: Kerberos finds both, and renews the one by the other."""
    try:
        gssapi, requests_gssapi = map(importlib.import_module, ("gssapi", "requests_gssapi"))
    except (ImportError, OSError) as exc:
        why = "Kerberos needs the packages of requirements-kerberos.lock and the Kerberos libraries of the machine."
        raise BadSettings(why, "Install them as the runbook says, or choose another sign_in.") from exc
    try:
        gssapi.Credentials(usage="initiate")
    except gssapi.exceptions.GSSError as exc:
        raise SourceRefused("There is no Kerberos ticket to sign in with.", _NO_TICKET_NEXT) from exc
    # A token goes with every request at once: Exchange asks for one each time, which would send every question twice.
    return requests_gssapi.HTTPSPNEGOAuth(opportunistic_auth=True)  # type: ignore[no-any-return]


def _credential(pem: str) -> dict[str, str]:
    """As msal wants a certificate: the key, the certificate, and its thumbprint."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    certificate = begin + pem.partition(begin)[2].partition(end)[0] + end
    der = ssl.PEM_cert_to_DER_cert(certificate)
    thumbprint = hashlib.sha1(der, usedforsecurity=False).hexdigest()
    return {"private_key": pem, "thumbprint": thumbprint, "public_certificate": certificate}
