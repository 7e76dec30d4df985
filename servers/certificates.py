"""A certificate authority of one's own, and a server certificate by it for the loopback interface."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from servers.account import owned_file, owned_folder

_VALID = timedelta(days=365)
_RENEW = timedelta(days=30)


@dataclass(frozen=True)
class Certificates:
    """The files: what clients trust, and what the server shows and keeps."""

    ca_file: Path
    certificate: Path
    key: Path


def certificates_in(folder: Path, now: datetime | None = None) -> Certificates:
    """The files in the folder, made when they are missing or run out soon. The authority's key is never written down."""
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    moment = now or datetime.now(UTC)
    if not _is_good(files, moment):
        owned_folder(folder)
        _make(files, moment)
    return files


def _is_good(files: Certificates, now: datetime) -> bool:
    if not (files.ca_file.exists() and files.certificate.exists() and files.key.exists()):
        return False
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).not_valid_after_utc - now > _RENEW


def _make(files: Certificates, now: datetime) -> None:
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _named("Loopback test authority")
    authority = (
        _begun(issuer, issuer, authority_key, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(one)) for one in ("127.0.0.1", "::1"))]
    server = (
        _begun(_named("localhost"), issuer, server_key, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    owned_file(files.ca_file, authority.public_bytes(pem).decode()).chmod(0o644)
    owned_file(files.certificate, server.public_bytes(pem).decode())
    plain = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    owned_file(files.key, plain.decode())


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
