"""Postfix: a mail server on loopback that keeps a copy of everything for a journal, as an agency's own server does.

What it is given it delivers nowhere; a copy of each message (`always_bcc`) goes by SMTP or LMTP to the journal's port, is kept in
its queue while that port answers 4xx or nothing, and is tried again every second. Only root can run it.
"""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import subprocess
from pathlib import Path
from typing import ClassVar

from servers import programs
from servers.errors import ProgramMissing, ServerError
from servers.processes import Child, Server, bare_environment, kept_port

JOURNAL = "journal@archive.agency.example"
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = {commands}
daemon_directory = {daemons}
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
myhostname = mx.agency.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
disable_dns_lookups = yes
smtp_host_lookup = native
lmtp_host_lookup = native
always_bcc = {journal}
default_transport = discard:
transport_maps = inline:{{ archive.agency.example={protocol}:[127.0.0.1]:{journal_port} }}
# Only the journal's copy matters here, and it shall come as it was given.
enable_long_queue_ids = yes
message_size_limit = 0
mailbox_size_limit = 0
smtp_line_length_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
smtp_tls_security_level = {tls}
lmtp_tls_security_level = {tls}
default_destination_concurrency_limit = {concurrency}
initial_destination_concurrency = {concurrency}
# A receiver that is killed again and again is no reason to wait longer for it.
default_destination_concurrency_failed_cohort_limit = 10000
smtp_connect_timeout = 5s
smtp_data_done_timeout = 120s
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - {concurrency} smtp
lmtp unix - - n - {concurrency} lmtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
scache unix - - n - 1 scache
"""
_QUEUES = ("incoming", "active", "deferred", "defer", "bounce", "flush", "hold", "trace", "corrupt", "saved", "private")
_GROUP_QUEUES = {"maildrop": 0o730, "public": 0o710}


class Postfix(Server):
    """The server. `journal_port` is where the journal listens; `port` takes mail from anybody on this machine."""

    name: ClassVar[str] = "postfix"

    def __init__(
        self, folder: Path, journal_port: int, *, protocol: str = "smtp", tls: str = "none", concurrency: int = 50
    ) -> None:
        super().__init__(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # its own user and this one both work in it
        self.port = kept_port(self.folder / "port")
        self._journal_port, self._protocol, self._tls, self._concurrency = journal_port, protocol, tls, concurrency

    def start(self) -> None:
        """As every server, but with the rights that it needs. Raises ProgramMissing where these are not to be had."""
        if os.geteuid() != 0:
            raise ProgramMissing("Postfix can only be started by root.")
        if self._child and not self._child.has_ended():
            return
        self.stop()
        self._prepare()
        self._child = Child(self.command(), self.log, bare_environment(self.folder), self.folder, self.stop_signal, is_own=True)
        self._await_health(self._child)

    def is_healthy(self) -> bool:
        """Whether it greets."""
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as client:
                return client.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def command(self) -> list[str]:
        return [str(_daemons() / "master"), "-c", str(self._configuration), "-d"]

    def queued(self) -> list[str]:
        """The queue ids of what is not delivered yet."""
        told = self._run("postqueue", "-j")
        return [str(json.loads(line)["queue_id"]) for line in told.splitlines()]

    def flush(self) -> None:
        """Try everything in the queue now."""
        self._run("postqueue", "-f")

    @property
    def _configuration(self) -> Path:
        return self.folder / "config"

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(_command(program)), "-c", str(self._configuration), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=bare_environment(self.folder))
        if done.returncode:
            raise ServerError(f"{program} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def _prepare(self) -> None:
        values = {
            "folder": self.folder, "commands": _command("postqueue").parent, "daemons": _daemons(), "journal": JOURNAL,
            "protocol": self._protocol, "journal_port": self._journal_port, "tls": self._tls, "port": self.port,
            "concurrency": self._concurrency,
        }  # fmt: skip
        self._configuration.mkdir(exist_ok=True)
        (self._configuration / "main.cf").write_text(_MAIN.format(**values))
        (self._configuration / "master.cf").write_text(_MASTER.format(**values))
        (self.folder / "spool").mkdir(exist_ok=True)
        (self.folder / "spool" / "pid").mkdir(exist_ok=True)
        for path in (self.folder / "data", *(self.folder / "spool" / name for name in _QUEUES)):
            path.mkdir(exist_ok=True)
            shutil.chown(path, "postfix", "postfix")
            path.chmod(0o700)
        for name, mode in _GROUP_QUEUES.items():
            path = self.folder / "spool" / name
            path.mkdir(exist_ok=True)
            shutil.chown(path, "postfix", "postdrop")
            path.chmod(mode)


def _command(name: str) -> Path:
    return programs.system_program(name, "postfix")


def _daemons() -> Path:
    """Where its parts are, as it says itself."""
    told = subprocess.run([str(_command("postconf")), "-dh", "daemon_directory"], capture_output=True, text=True, timeout=60)
    return Path(told.stdout.strip())
