"""versitygw: an S3 server over a folder, with versions and Object Lock."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import ClassVar

from servers import programs
from servers.account import kept_secret, owned_folder
from servers.certificates import certificates_in
from servers.processes import Server, accepts, bare_environment, kept_port


class S3Access:
    """Where an S3 server is and how to be let in."""

    endpoint_url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    ca_file: Path | None = None

    def environment(self) -> dict[str, str]:
        """What the usual credential chain of AWS reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
        }


class Versitygw(S3Access, Server):
    """The server. Objects lie in `folder/objects`, older versions in `folder/versions`."""

    name: ClassVar[str] = "versitygw"

    def __init__(self, folder: Path, *, port: int | None = None, tls: bool = False) -> None:
        super().__init__(folder)
        owned_folder(self.folder)
        self.port = port or kept_port(self.folder / "port")
        self.access_key = "capstone"
        self.secret_key = kept_secret(self.folder / "secret-key")
        self._tls = certificates_in(self.folder / "tls") if tls else None
        self.ca_file = self._tls.ca_file if self._tls else None
        self.endpoint_url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def is_healthy(self) -> bool:
        """Whether it answers at all; without credentials the answer is a refusal."""
        if self._tls:
            return accepts(self.port)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _prepare(self) -> None:
        for name in ("objects", "versions", "metadata"):
            owned_folder(self.folder / name)

    def command(self) -> list[str]:
        tls = ["--cert", str(self._tls.certificate), "--key", str(self._tls.key)] if self._tls else []
        metadata = [] if _keeps_attributes(self.folder) else ["--sidecar", str(self.folder / "metadata")]
        listen = ["--port", f"127.0.0.1:{self.port}", "--region", self.region, "--quiet", "--keep-alive"]
        data = ["posix", *metadata, "--versioning-dir", str(self.folder / "versions"), str(self.folder / "objects")]
        return [str(programs.versitygw()), *listen, *tls, *data]

    def _environment(self) -> dict[str, str]:
        keys = {"ROOT_ACCESS_KEY_ID": self.access_key, "ROOT_SECRET_ACCESS_KEY": self.secret_key}
        return bare_environment(self.folder) | keys


class GivenS3(S3Access):
    """A server that somebody else runs; the credentials come from the usual variables."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.access_key, self.secret_key = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        self.region = os.environ.get("AWS_DEFAULT_REGION", S3Access.region)
        bundle = os.environ.get("AWS_CA_BUNDLE")
        self.ca_file = Path(bundle) if bundle else None


def _keeps_attributes(folder: Path) -> bool:
    """Whether the file system keeps extended attributes, where the server writes what it knows of an object."""
    try:
        os.setxattr(folder, "user.capstone", b"1")
    except OSError:
        return False
    return True
