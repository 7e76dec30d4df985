"""Signing in at an Exchange server: passwords, NTLM, tokens, whom to trust, and how the server is found."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError

from capstone.bootstrap.sources import open_source
from capstone.domain.errors import BadSettings, CapstoneError, MissingSecret, SourceMissing, SourceRefused, SourceUnavailable
from capstone.settings import EwsSource as EwsSettings
from connectors.mailboxes.ews.autodiscover import services_of
from connectors.mailboxes.ews.source import EwsApplication, EwsLogin, Trust
from servers.certificates import Certificates, certificates_in
from tests.adapters.ews_boxes import PASSWORD, Box, messages_in, watched
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.ews_server import AUTODISCOVER_PATH, EWS_PATH, Answer, EwsState, ews_server


@pytest.fixture(scope="session")
def certificates(servers_folder: Path) -> Certificates:
    return certificates_in(servers_folder / "ews")


@pytest.fixture
def exchange(certificates: Certificates) -> Iterator[EwsState]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with watched(lambda: ews_server(context)) as state:
        yield state


@pytest.fixture
def box(exchange: EwsState) -> Box:
    box = Box(exchange)
    box.fill([Mail("Inbox", letter(number)) for number in (1, 2)])
    return box


@pytest.fixture
def trust(certificates: Certificates) -> Trust:
    return Trust(certificates.ca_file, timeout_s=20)


def read(box: Box, **more: Any) -> list[bytes]:
    return [item.raw for item in messages_in(list(box.source(**more).items({})))]


RAWS = [letter(1), letter(2)]


# --- trust -----------------------------------------------------------------------------------------


def test_a_certificate_by_the_given_authority_is_trusted_and_another_is_not(box: Box, trust: Trust, server_folder: Path) -> None:
    assert read(box, trust=trust) == RAWS
    other = certificates_in(server_folder / "other")
    for bad in (Trust(), Trust(other.ca_file)):
        with pytest.raises(SourceRefused) as caught:
            read(box, trust=bad)
        assert "ca_file" in caught.value.next_step
    assert read(box, trust=trust) == RAWS


def test_the_environment_does_not_change_whom_a_source_trusts(
    box: Box, trust: Trust, server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = certificates_in(server_folder / "other")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trust.ca_file))
    with pytest.raises(SourceRefused):
        read(box, trust=Trust(other.ca_file))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_file))
    assert read(box, trust=trust) == RAWS


# --- ways to sign in -------------------------------------------------------------------------------


def test_ntlm_is_danced_in_full(box: Box, trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users").write_text(f"AGENCY:service:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))
    box.state.sign_in.schemes = ("NTLM",)
    assert read(box, trust=trust, login=EwsLogin("ntlm", "AGENCY\\service", PASSWORD)) == RAWS
    with pytest.raises(SourceRefused):
        read(box, trust=trust, login=EwsLogin("ntlm", "AGENCY\\service", "another"))


def test_kerberos_without_its_package_says_what_to_install(box: Box, trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests_gssapi", None)
    with pytest.raises(BadSettings) as caught:
        read(box, trust=trust, login=EwsLogin("kerberos"))
    assert "requirements-kerberos.lock" in caught.value.message


def application(box: Box, **more: str) -> EwsLogin:
    box.state.sign_in.schemes = ("Bearer",)
    base = box.state.url.removesuffix(EWS_PATH)
    return EwsLogin("oauth2", application=EwsApplication("agency-tenant", "archive-client", authority=base, **more))


def test_an_application_signs_in_with_its_secret(box: Box, trust: Trust) -> None:
    assert read(box, trust=trust, login=application(box, secret="client-secret")) == RAWS
    (asked,) = box.state.sign_in.issued
    assert asked["grant_type"] == "client_credentials"
    assert asked["scope"] == f"{box.state.url.removesuffix(EWS_PATH)}/.default"


def test_an_application_signs_in_with_its_certificate(box: Box, trust: Trust) -> None:
    assert read(box, trust=trust, login=application(box, certificate=rsa_certificate())) == RAWS
    (asked,) = box.state.sign_in.issued
    said = jwt.decode(asked["client_assertion"], options={"verify_signature": False})
    assert said["iss"] == said["sub"] == "archive-client"


def test_a_token_that_ends_meanwhile_is_renewed(box: Box, trust: Trust) -> None:
    def expire(operation: str) -> None:
        if operation in ("FindFolder", "SyncFolderItems"):
            box.state.sign_in.expire()

    box.state.before = expire
    assert read(box, trust=trust, login=application(box, secret="client-secret")) == RAWS
    assert len(box.state.sign_in.issued) > 2


def test_an_application_with_a_wrong_secret_is_refused(box: Box, trust: Trust) -> None:
    with pytest.raises(SourceRefused) as caught:
        read(box, trust=trust, login=application(box, secret="another"))
    assert "invalid_client" in caught.value.message


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"authority": "https://localhost:9"}, SourceUnavailable),
        ({"tenant": "nowhere"}, SourceRefused),
        ({"certificate": "none"}, SourceRefused),
    ],
)
def test_tokens_that_cannot_be_had_are_told_apart(
    box: Box, trust: Trust, more: dict[str, str], error: type[CapstoneError]
) -> None:
    given = {"tenant": "agency-tenant", "client_id": "archive-client", "authority": box.state.url.removesuffix(EWS_PATH)}
    given |= {"secret": "client-secret"} if "certificate" not in more else {}
    with pytest.raises(error):
        read(box, trust=trust, login=EwsLogin("oauth2", application=EwsApplication(**(given | more))))


NO_TOKENS = [
    (429, b'{"error": "busy"}'),
    (503, b"x"),
    (200, b'{"access_token": "a-secr'),
    (200, b"[]"),
    (200, b"<html>"),
    (403, b"<html>"),
]


@pytest.mark.parametrize("spoilt", NO_TOKENS)
def test_a_token_that_does_not_come_in_whole_is_no_refusal_and_is_not_logged(
    box: Box, trust: Trust, caplog: pytest.LogCaptureFixture, spoilt: tuple[int, bytes]
) -> None:
    box.state.sign_in.spoilt = [spoilt]
    with pytest.raises(SourceUnavailable):
        read(box, trust=trust, login=application(box, secret="client-secret"))
    assert "a-secr" not in caplog.text
    assert read(box, trust=trust, login=application(box, secret="client-secret")) == RAWS


def test_a_token_without_rights_is_refused(box: Box, trust: Trust) -> None:
    login = application(box, secret="client-secret")
    box.state.sign_in.takes_no_token = True
    with pytest.raises(SourceRefused):
        read(box, trust=trust, login=login)


# --- Autodiscover ----------------------------------------------------------------------------------


def test_autodiscover_asks_the_host_of_that_name_before_a_public_web_site() -> None:
    assert services_of("agency.example") == [
        "https://autodiscover.agency.example/autodiscover/autodiscover.svc",
        "https://agency.example/autodiscover/autodiscover.svc",
    ]


def services(box: Box) -> list[str]:
    return [f"{box.state.url.removesuffix(EWS_PATH)}{AUTODISCOVER_PATH}"]


def test_the_server_is_found_by_autodiscover(box: Box, trust: Trust) -> None:
    dead = "https://localhost:9/autodiscover/autodiscover.svc"
    assert read(box, url=None, trust=trust, services=lambda _domain: [dead, *services(box)]) == RAWS


def test_autodiscover_that_goes_in_circles_ends(box: Box, trust: Trust) -> None:
    box.state.redirects[box.mailbox.address] = services(box)[0]
    with pytest.raises(SourceUnavailable):
        read(box, url=None, trust=trust, services=lambda _domain: services(box))


def test_autodiscover_tells_a_wrong_password_and_a_missing_mailbox(box: Box, trust: Trust) -> None:
    def found(_domain: str) -> list[str]:
        return services(box)

    with pytest.raises(SourceRefused):
        read(box, url=None, trust=trust, services=found, login=EwsLogin("basic", "service", "another"))
    with pytest.raises(SourceMissing):
        read(box, url=None, trust=trust, services=found, mailbox="nobody@agency.example")


@pytest.mark.parametrize("told", ["InternalEwsUrl", ""])
def test_of_the_addresses_that_autodiscover_tells_one_with_https_is_taken(box: Box, trust: Trust, told: str) -> None:
    box.state.told_urls["ExternalEwsUrl"] = "http://mail.agency.example/EWS/Exchange.asmx"
    box.state.told_urls |= {told: box.state.url} if told else {}
    if told:
        assert read(box, url=None, trust=trust, services=lambda _domain: services(box)) == RAWS
        return
    with pytest.raises(SourceRefused, match="https"):
        read(box, url=None, trust=trust, services=lambda _domain: services(box))


@pytest.mark.parametrize("body", [b"", b"no XML", b"<a/>"])
def test_autodiscover_passes_over_what_is_no_answer(box: Box, trust: Trust, body: bytes) -> None:
    box.state.fail("GetUserSettings", Answer(body))
    with pytest.raises(SourceUnavailable):
        read(box, url=None, trust=trust, services=lambda _domain: services(box))


@pytest.mark.parametrize("part", [b"<Response .*</Response>", b"<Name>[^<]*</Name>", b"(?<=<Name>)Ex"])
def test_autodiscover_passes_over_what_only_looks_like_an_answer(box: Box, trust: Trust, part: bytes) -> None:
    box.state.altered["GetUserSettings"] = (part, b"")
    with pytest.raises(SourceUnavailable):
        read(box, url=None, trust=trust, services=lambda _domain: services(box))


def test_a_missing_file_of_certificates_is_told_by_name(box: Box, tmp_path: Path) -> None:
    with pytest.raises(MissingSecret, match="ca_file"):
        read(box, trust=Trust(tmp_path / "gone.pem"))


# --- settings --------------------------------------------------------------------------------------


def test_a_source_is_made_from_its_settings(box: Box, certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    settings = EwsSettings.model_validate(common(box, certificates) | {
        "sign_in": "basic", "user": "service", "password_file": tmp_path / "password", "folders": ["Inbox"],
    })  # fmt: skip
    assert [item.raw for item in messages_in(list(open_source(settings).items({})))] == RAWS


def test_settings_with_a_certificate_make_a_source(box: Box, certificates: Certificates, tmp_path: Path) -> None:
    box.state.sign_in.schemes = ("Bearer",)
    (tmp_path / "application.pem").write_text(rsa_certificate())
    oauth = {"sign_in": "oauth2", "tenant": "agency", "client_id": "archive", "certificate_file": tmp_path / "application.pem"}
    settings = EwsSettings.model_validate(common(box, certificates) | oauth | {"authority": box.state.url.removesuffix(EWS_PATH)})
    assert [item.raw for item in messages_in(list(open_source(settings).items({})))] == RAWS
    gone = settings.model_copy(update={"certificate_file": tmp_path / "gone.pem"})
    with pytest.raises(MissingSecret):
        open_source(gone)


@pytest.mark.parametrize("name", ["url", "authority"])
@pytest.mark.parametrize("address", ["http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/", "https://a.example/"])
def test_settings_take_addresses_that_keep_secrets(name: str, address: str) -> None:
    assert str(getattr(EwsSettings.model_validate(KERBEROS | {name: address}), name)) == address


@pytest.mark.parametrize("name", ["url", "authority"])
def test_settings_take_no_address_that_tells_secrets(name: str) -> None:
    with pytest.raises(ValidationError, match=r"https.*127\.0\.0\.1"):
        EwsSettings.model_validate(KERBEROS | {name: "http://mail.agency.example/"})


KERBEROS = {"name": "mail", "account": "director", "kind": "ews", "mailbox": "a@agency.example", "sign_in": "kerberos"}


def common(box: Box, certificates: Certificates) -> dict[str, Any]:
    return {
        "name": "mail", "account": "director", "kind": "ews", "mailbox": box.mailbox.address, "url": box.state.url,
        "ca_file": certificates.ca_file,
    }  # fmt: skip


def rsa_certificate() -> str:
    """A certificate with its key, as an application has it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "archive")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    signed = made.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (signed.public_bytes(pem) + plain).decode()
