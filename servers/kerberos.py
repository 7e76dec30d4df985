"""Kerberos: a key distribution centre (MIT) of a realm of its own, on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from servers import programs
from servers.account import kept_secret, owned_file, owned_folder
from servers.processes import Server, accepts, kept_port, run_once

REALM = "AGENCY.EXAMPLE"
_CLIENTS = """
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
"""
_CENTRE = """
[kdcdefaults]
  kdc_listen = ""
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {folder}/principals
    key_stash_file = {folder}/stash
    max_life = 10h
  }}
"""


class Kerberos(Server):
    """The centre. `add` gives a user or a service a key; `variables` are for who signs in with it, or takes who does."""

    name: ClassVar[str] = "kerberos"

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__(folder)
        owned_folder(self.folder)
        self.port = port or kept_port(self.folder / "port")
        self._client = self.folder / "krb5.conf"

    def is_healthy(self) -> bool:
        """Whether it listens."""
        return accepts(self.port)

    def add(self, principal: str) -> Path:
        """A keytab with the random key of a new user or service. Raises ServerError."""
        keytab = self.folder / f"{principal.replace('/', '-')}.keytab"
        for query in (f"addprinc -randkey {principal}", f"ktadd -k {keytab} {principal}"):
            self._run("kadmin.local", "krb5-admin-server", "-r", REALM, "-q", query)
        return keytab

    def variables(self) -> Mapping[str, str]:
        """The environment in which Kerberos knows the realm."""
        return {"KRB5_CONFIG": str(self._client)}

    def command(self) -> list[str]:
        return [str(programs.system_program("krb5kdc", "krb5-kdc")), "-n", "-r", REALM]

    def _prepare(self) -> None:
        placed = {"realm": REALM, "port": self.port, "folder": self.folder}
        owned_file(self._client, _CLIENTS.format(**placed))
        self._client.chmod(0o644)
        owned_file(self.folder / "kdc.conf", _CENTRE.format(**placed))
        if not (self.folder / "principals").exists():
            self._run("kdb5_util", "krb5-kdc", "create", "-s", "-r", REALM, "-P", kept_secret(self.folder / "master-key"))

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"KRB5_CONFIG": str(self._client), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def _run(self, program: str, package: str, *words: str) -> None:
        run_once([str(programs.system_program(program, package)), *words], self.log, self._environment(), self.folder)
