"""Dovecot: an IMAP server on loopback that takes every user name with one password or one token.

Mail lies as Maildir under `folder/mail/USER/Maildir`. With the layout `maildir++` (the usual one) a folder is a directory
`.Name`, levels are parted by a dot on disk whatever the server's separator is, and names are in modified UTF-7; with the layout
`fs` a folder is a directory `Name` with its own subdirectories. INBOX is the root itself.
"""

from __future__ import annotations

import imaplib
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from servers import programs
from servers.account import kept_secret, owned_file, owned_folder, server_account
from servers.certificates import certificates_in
from servers.processes import Server, kept_port

_CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {run}
state_dir = {run}
log_path = {log}
# Everything runs as one user without rights, so nothing can be locked into a root of its own.
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_uid = {uid}
mail_gid = {gid}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  # Tests give wrong passwords on purpose: nobody is made to wait after one.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
auth_failure_delay = 0
service imap {{
  process_limit = 1024
}}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
# Tests also speak without TLS; a server of an agency does not allow it.
disable_plaintext_auth = {needs_tls}
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
passdb {{
  driver = static
  mechanisms = xoauth2 oauthbearer
  args = password={token}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={mail}/%u
}}
mail_location = maildir:~/Maildir{layout}
mail_max_userip_connections = {connections}
namespace inbox {{
  inbox = yes
  separator = {separator}
{special}
}}
{extra}
"""
_SPECIAL = """  mailbox {name} {{
    auto = subscribe
    special_use = \\{name}
  }}"""
_SPECIAL_NAMES = ("Drafts", "Sent", "Trash", "Junk", "Archive")
_LAYOUTS = {"maildir++": "", "fs": ":LAYOUT=fs"}


class Dovecot(Server):
    """The server. `separator` parts folder levels, `layout` is the Maildir's, `extra` is more configuration, word for word."""

    name: ClassVar[str] = "dovecot"

    def __init__(
        self,
        folder: Path,
        *,
        ports: tuple[int, int] | None = None,
        separator: str = "/",
        layout: str = "maildir++",
        connections: int = 1000,
        needs_tls: bool = False,
        extra: str = "",
    ) -> None:
        super().__init__(folder)
        owned_folder(self.folder)
        self.port, self.tls_port = ports or (kept_port(self.folder / "port"), kept_port(self.folder / "tls-port"))
        self.password, self.token = kept_secret(self.folder / "password"), kept_secret(self.folder / "token")
        self._certificates = certificates_in(self.folder / "tls")
        self.ca_file = self._certificates.ca_file
        self.separator, self._layout, self._connections = separator, layout, connections
        self._needs_tls, self._extra = needs_tls, extra
        self._run: Path | None = None

    def mail_folder(self, user: str) -> Path:
        """The root of a user's Maildir, made if need be. A file put into its `new` or `cur` is a message."""
        home = owned_folder(owned_folder(self.folder / "mail") / user)
        for name in ("cur", "new", "tmp"):
            owned_folder(owned_folder(home / "Maildir") / name)
        return home / "Maildir"

    def is_healthy(self) -> bool:
        """Whether a user can log in. The process that checks passwords starts after the one that listens."""
        try:
            with imaplib.IMAP4("127.0.0.1", self.port, timeout=5) as line:
                return line.noop()[0] == "OK"
        except (OSError, imaplib.IMAP4.error):
            return False

    def stop(self) -> None:
        """Stop in good order."""
        super().stop()
        self._drop_run_folder()

    def kill(self) -> None:
        """End it with all its parts."""
        super().kill()
        self._drop_run_folder()

    def _prepare(self) -> None:
        owned_folder(self.folder / "mail")
        # The paths of sockets must be short, whatever the folder's is.
        self._run = owned_folder(Path(tempfile.mkdtemp(prefix="capstone-imap-")))
        account = server_account()
        text = _CONFIGURATION.format(
            run=self._run,
            log=self.log,
            user=account.name,
            group=account.group,
            uid=account.uid,
            gid=account.gid,
            port=self.port,
            tls_port=self.tls_port,
            certificate=self._certificates.certificate,
            key=self._certificates.key,
            needs_tls="yes" if self._needs_tls else "no",
            password=self.password,
            token=self.token,
            mail=self.folder / "mail",
            layout=_LAYOUTS[self._layout],
            connections=self._connections,
            separator=self.separator,
            special="\n".join(_SPECIAL.format(name=name) for name in _SPECIAL_NAMES),
            extra=self._extra,
        )
        owned_file(self.folder / "dovecot.conf", text)

    def command(self) -> list[str]:
        return [str(programs.system_program("dovecot", "dovecot-imapd")), "-F", "-c", str(self.folder / "dovecot.conf")]

    def _drop_run_folder(self) -> None:
        if self._run:
            shutil.rmtree(self._run, ignore_errors=True)
            self._run = None
