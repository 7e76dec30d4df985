"""How an application signs in to Microsoft 365, and what a check of the source says."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from capstone.bootstrap.sources import open_source
from capstone.domain.errors import MissingSecret, SourceMissing, SourceRefused, SourceUnavailable
from capstone.ports import FolderSeen
from capstone.settings import GraphSource as Settings
from connectors.mailboxes.graph.source import CLOUDS, GraphLogin
from tests.adapters.graph_boxes import GraphBox, messages_in
from tests.contracts.mail_source import letter
from tests.fakes.mail_source import Mail
from tests.servers.graph_server import TENANT, GraphServer


@pytest.fixture
def box(graph: GraphServer) -> GraphBox:
    made = GraphBox(graph)
    made.fill([Mail("INBOX", letter(1)), Mail("INBOX", letter(2)), Mail("Drafts", letter(3))])
    return made


def application(folder: Path, passphrase: bytes | None = None) -> tuple[Path, x509.Certificate]:
    """A certificate that signs itself, and its key, in one PEM file."""
    key = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "our application")]), datetime.now(UTC)
    unsigned = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    certificate = unsigned.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    hides = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    file = folder / "application.pem"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, hides) + certificate.public_bytes(pem))
    return file, certificate


# --- signing in ------------------------------------------------------------------------------------


def test_a_secret_is_sent_to_the_tenants_own_address_and_asks_for_what_was_granted(box: GraphBox) -> None:
    assert len(messages_in(list(box.source().items({})))) == 2
    (form,) = box.server.assertions
    assert form["client_secret"] == ["right"]
    assert form["scope"] == ["https://graph.microsoft.com/.default"]
    assert box.server.count(rf"POST /{TENANT}/oauth2/v2\.0/token") == 1


def test_a_certificate_signs_what_is_sent_and_its_key_stays_here(box: GraphBox, tmp_path: Path) -> None:
    file, certificate = application(tmp_path)
    login = GraphLogin(TENANT, "our-application", certificate_file=file)
    assert len(messages_in(list(box.source(login=login).items({})))) == 2
    (form,) = box.server.assertions
    head, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in form["client_assertion"][0].split("."))
    thumbprint = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
    assert base64.urlsafe_b64decode(json.loads(head)["x5t#S256"] + "==") == thumbprint
    assert json.loads(claims)["aud"] == f"{box.server.url}/{TENANT}/oauth2/v2.0/token"
    assert "client_secret" not in form
    assert "PRIVATE KEY" not in str(form)


@pytest.mark.parametrize("content", ["locked", "no pem", "missing"])
def test_a_certificate_that_cannot_be_used_is_an_error_before_anything_is_sent(
    box: GraphBox, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "application.pem"
    if content == "locked":
        file, _ = application(tmp_path, b"secret")
    elif content == "no pem":
        file.write_text("no certificate")
    with pytest.raises(SourceRefused, match="certificate"):
        next(box.source(login=GraphLogin(TENANT, "our-application", certificate_file=file)).items({}))
    assert box.server.assertions == []


def test_a_wrong_secret_is_refused_and_only_its_number_is_told(box: GraphBox) -> None:
    with pytest.raises(SourceRefused, match=r"invalid_client, AADSTS7000215") as caught:
        next(box.source(login=GraphLogin(TENANT, "our-application", "wrong")).items({}))
    assert "wrong" not in str(caught.value)
    assert "wrong" not in repr(GraphLogin(TENANT, "our-application", "wrong"))
    assert len(box.server.assertions) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_token_endpoint_that_is_busy_is_asked_again(box: GraphBox, status: int) -> None:
    box.server.fail(r"/oauth2/v2\.0/token", times=2, status=status, code="temporarily_unavailable")
    assert len(messages_in(list(box.source().items({})))) == 2
    assert box.pauses


NO_TOKENS = [
    b'{"access_token": "a-secr',
    b"<html>",
    b"",
    [],
    "x",
    None,
    *({"access_token": one} for one in (7, "a\nb", "\u20ac")),
]


@pytest.mark.parametrize("body", NO_TOKENS)
def test_a_token_that_does_not_come_in_whole_is_asked_for_again_and_not_logged(
    box: GraphBox, caplog: pytest.LogCaptureFixture, body: object
) -> None:
    box.server.fail("oauth2/v2.0/token", status=200, body=json.dumps(body).encode() if body is None else body)
    assert len(messages_in(list(box.source().items({})))) == 2
    assert "a-secr" not in caplog.text


def test_a_server_that_nobody_vouches_for_is_refused_without_a_second_try(box: GraphBox) -> None:
    with pytest.raises(SourceRefused, match="is not trusted") as caught:
        next(box.source(at=box.at(ca_file=None)).items({}))
    assert "ca_file" in caught.value.next_step
    assert box.pauses == []
    with pytest.raises(SourceRefused, match="ca_file"):
        next(box.source(at=box.at(ca_file=Path("/nowhere/ca.pem"))).items({}))


def test_the_clouds_are_those_that_are_published() -> None:
    """https://learn.microsoft.com/graph/deployments, 'Microsoft Graph and Graph Explorer service root endpoints'."""
    assert dict(CLOUDS) == {
        "global": ("https://graph.microsoft.com", "https://login.microsoftonline.com"),
        "usgov": ("https://graph.microsoft.us", "https://login.microsoftonline.us"),
        "usgov-dod": ("https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
    }


# --- settings --------------------------------------------------------------------------------------


def test_a_source_of_the_settings_reads_the_mailbox(box: GraphBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPH_SECRET", "right")
    told = {"name": "ada", "account": "ada", "kind": "graph", "mailbox": box.mailbox.address, "cloud": "usgov"}
    told |= {"tenant": TENANT, "client_id": "our-application", "client_secret_env": "GRAPH_SECRET"}
    told |= {"url": box.server.url, "authority": box.server.url, "ca_file": str(box.server.ca_file)}
    source = open_source(Settings.model_validate(told))
    assert [item.raw for item in messages_in(list(source.items({})))] == [letter(1), letter(2)]
    assert box.server.assertions[0]["scope"] == ["https://graph.microsoft.us/.default"]
    monkeypatch.delenv("GRAPH_SECRET")
    with pytest.raises(MissingSecret):
        open_source(Settings.model_validate(told))


def test_a_token_is_never_sent_in_the_clear() -> None:
    told = {"name": "ada", "account": "ada", "kind": "graph", "mailbox": "ada@agency.example", "tenant": TENANT, "client_id": "x"}
    for key in ("url", "authority"):
        with pytest.raises(ValidationError, match="https"):
            Settings.model_validate(told | {"certificate_file": "/nowhere.pem", key: "http://proxy.agency.example"})


def test_nothing_is_connected_before_it_is_read() -> None:
    told = {"name": "ada", "account": "ada", "kind": "graph", "mailbox": "ada@agency.example", "tenant": TENANT, "client_id": "x"}
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"https://127.0.0.1:{nobody.getsockname()[1]}"
        source = open_source(Settings.model_validate(told | {"certificate_file": "/nowhere.pem", "url": url, "authority": url}))
        nobody.setblocking(False)
        with pytest.raises(BlockingIOError):
            nobody.accept()
    assert source.gives_same_bytes is False


# --- check -----------------------------------------------------------------------------------------


def test_a_check_counts_the_folders_and_reads_no_message(box: GraphBox) -> None:
    told = box.source().check()
    sizes = [len(letter(1)) + len(letter(2)), len(letter(3))]
    counted = [one for one in told.folders if one.messages]
    assert counted == [FolderSeen("Drafts", 1, sizes[1], "folder_drafts"), FolderSeen("INBOX", 2, sizes[0])]
    assert len(told.folders) == 6
    assert (told.missing_rights, told.notes) == ((), ())
    assert [one.fetches for one in box.mailbox.messages.values()] == [0, 0, 0]
    assert box.server.count("messages/delta") == 0


def test_a_check_says_which_right_is_missing(box: GraphBox) -> None:
    box.server.fail(r"mailFolders\?", times=None, status=403, code="ErrorAccessDenied")
    told = box.source().check()
    assert told.folders == ()
    assert len(told.missing_rights) == 1
    assert "list its folders" in told.missing_rights[0]
    assert "Mail.Read " in told.missing_rights[0]
    assert "application access policy" in told.missing_rights[0]


def test_a_check_tells_that_listing_is_not_reading(box: GraphBox) -> None:
    box.server.fail(r"\$value", times=None, status=403, code="ErrorAccessDenied")
    box.server.fail(r"translateExchangeIds|settings/exchange", times=None, status=403, code="Authorization_RequestDenied")
    told = box.source().check()
    assert len(told.folders) == 6
    assert [
        said for said in ("Mail.ReadBasic.All", "translate ids", "in-place archive") if said in " ".join(told.missing_rights)
    ] == [
        "Mail.ReadBasic.All",
        "translate ids",
        "in-place archive",
    ]
    assert [(note.code, note.is_gap) for note in told.notes] == [("archive_mailbox_not_offered", True)]


def test_a_check_of_what_is_not_there_or_does_not_answer_is_an_error(box: GraphBox) -> None:
    with pytest.raises(SourceMissing, match="ErrorInvalidUser"):
        box.source(mailbox="nobody@agency.example").check()
    with pytest.raises(SourceRefused):
        box.source(login=GraphLogin(TENANT, "our-application", "wrong")).check()
    box.server.fail(r"mailFolders\?", times=None, status=500)
    with pytest.raises(SourceUnavailable):
        box.source().check()
