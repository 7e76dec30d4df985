"""Where programs are found, and what is said of those that are not."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from servers import account, programs
from servers.certificates import certificates_in
from servers.errors import ProgramMissing, ServerError

ROOT = Path(__file__).resolve().parents[2]


def test_a_missing_program_names_its_debian_package() -> None:
    with pytest.raises(ProgramMissing, match="install the Debian package no-such-package"):
        programs.system_program("no-such-program", "no-such-package")


def test_a_jdk_that_is_too_old_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("old", "17.0.1"), ("new", "99.0.1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    monkeypatch.setenv("ES_JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "new"))
    assert programs.java_home() == tmp_path / "new"


def test_the_tool_that_fetches_is_named_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPSTONE_SERVERS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="'go', which is not here: install the Debian package golang"):
        programs.versitygw()
    with pytest.raises(ProgramMissing, match="'mvn', which is not here: install the Debian package maven"):
        programs.elasticsearch_folder()
    assert not list(tmp_path.glob("versitygw-*/*"))


def test_two_processes_that_ask_at_once_fetch_once(tmp_path: Path) -> None:
    tools, cache = tmp_path / "tools", tmp_path / "cache"
    tools.mkdir()
    go = tools / "go"
    go.write_text(f'#!/bin/sh\necho fetched >> {tmp_path}/fetches\n/bin/sleep 0.3\necho program > "$GOBIN/versitygw"\n')
    go.chmod(0o755)
    code = "from servers import programs; print(programs.versitygw().read_text())"
    environment = {"PATH": str(tools), "CAPSTONE_SERVERS": str(cache)}
    asking = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [one.communicate()[0].strip() for one in asking] == ["program"] * 3
    assert (tmp_path / "fetches").read_text() == "fetched\n"
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [f"versitygw-{programs.VERSITYGW_VERSION}"]


def test_a_fetch_that_fails_leaves_nothing_and_says_what_the_tool_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho the registry is away >&2\nexit 1\n")
    go.chmod(0o755)
    cache = tmp_path / "cache"
    monkeypatch.setenv("CAPSTONE_SERVERS", str(cache))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="the registry is away"):
        programs.versitygw()
    assert [path.name for path in cache.iterdir()] == [f"versitygw-{programs.VERSITYGW_VERSION}.lock"]


def test_certificates_are_kept_until_they_run_out(server_folder: Path) -> None:
    now = datetime.now(UTC)
    folder = server_folder / "tls"
    first = certificates_in(folder, now).certificate.read_bytes()
    assert certificates_in(folder, now).certificate.read_bytes() == first
    later = x509.load_pem_x509_certificate(first).not_valid_after_utc - timedelta(days=1)
    assert certificates_in(folder, later).certificate.read_bytes() != first


def test_a_folder_that_the_servers_cannot_enter_is_refused_before_anything_starts(tmp_path: Path) -> None:
    if not account.server_account().is_other:
        assert account.owned_folder(tmp_path / "mine").is_dir()
        return
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ServerError, match="cannot enter"):
        account.owned_folder(closed / "data")
