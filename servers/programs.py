"""Where each program is found, and how those that no Debian package brings are fetched.

PostgreSQL, Dovecot, Redis and Kerberos come from the system's packages and are never installed here. versitygw is built by
`go install`, Elasticsearch unpacked from a Maven artifact, and Python's Kerberos built by uv, all into a cache folder:
CAPSTONE_SERVERS, else /var/cache/capstone-archive for root (whose home other users cannot read), else
~/.cache/capstone-archive.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from servers.errors import ProgramMissing
from servers.security_index import add_security_index_analysis

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw"
VERSITYGW_VERSION = "v1.8.0"
ELASTICSEARCH = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
ELASTICSEARCH_VERSION = "9.5.3"
_MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy"
_OLDEST_JDK = 21
_ROOT = Path(__file__).resolve().parents[1]
_KERBEROS_LOCK, _OWN_TOOLS = _ROOT / "requirements-kerberos.lock", _ROOT / ".tools" / "bin"
_JDKS, _POSTGRES = Path("/usr/lib/jvm"), Path("/usr/lib/postgresql")
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_FETCH_S, _LOG_END = 1200, 600


def cache_folder() -> Path:
    """Where fetched programs lie: readable by everybody, since servers of root run as another user."""
    named = os.environ.get("CAPSTONE_SERVERS")
    is_root = os.geteuid() == 0
    usual = Path("/var/cache/capstone-archive") if is_root else Path.home() / ".cache" / "capstone-archive"
    folder = Path(named).expanduser().absolute() if named else usual
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def system_program(name: str, package: str) -> Path:
    """A program of the system's packages. Raises ProgramMissing."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    if found := shutil.which(name, path=path):
        return Path(found)
    raise ProgramMissing(f"'{name}' is not on this machine: install the Debian package {package}.")


def postgres_folder() -> Path:
    """The folder of PostgreSQL's programs, the newest of the system's versions. Raises ProgramMissing."""
    found = sorted(_POSTGRES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else system_program("initdb", "postgresql").parent


def java_home() -> Path:
    """A JDK for Elasticsearch: ES_JAVA_HOME, JAVA_HOME, or the newest of the system's. Raises ProgramMissing."""
    named = [Path(os.environ[key]) for key in ("ES_JAVA_HOME", "JAVA_HOME") if os.environ.get(key)]
    installed = sorted((path.parent for path in _JDKS.glob("*/release")), key=_java_version, reverse=True)
    for home in [*named, *installed]:
        if _java_version(home) >= _OLDEST_JDK:
            return home
    raise ProgramMissing(f"Elasticsearch needs a JDK of version {_OLDEST_JDK} or later: install one, or set ES_JAVA_HOME.")


def versitygw() -> Path:
    """The S3 server, built if need be. Raises ProgramMissing."""
    program = cache_folder() / f"versitygw-{VERSITYGW_VERSION}" / "versitygw"
    with _fetched_once(program) as folder:
        if folder:
            go = _tool("go", "golang", "versitygw")
            _fetch([str(go), "install", f"{VERSITYGW}@{VERSITYGW_VERSION}"], folder, {"GOBIN": str(folder)})
    return program


def elasticsearch_folder() -> Path:
    """The unpacked distribution, fetched if need be. Raises ProgramMissing."""
    home = cache_folder() / f"elasticsearch-{ELASTICSEARCH_VERSION}-with-keys"
    with _fetched_once(home / "bin" / "elasticsearch") as folder:
        if folder:
            mvn = _tool("mvn", "maven", "Elasticsearch")
            artifact = f"-Dartifact={ELASTICSEARCH}:{ELASTICSEARCH_VERSION}:zip"
            _fetch([str(mvn), "-B", "-q", _MAVEN_COPY, artifact, f"-DoutputDirectory={folder}"], folder)
            _unpack(folder)
            add_security_index_analysis(folder, java_home(), ELASTICSEARCH_VERSION, _OLDEST_JDK)
    return home


def python_kerberos() -> Path:
    """The folder of the Python packages that speak Kerberos, built if need be. Raises ProgramMissing."""
    locked = _KERBEROS_LOCK.read_bytes()
    name = f"python-kerberos-{sys.implementation.cache_tag}-{sha256(locked).hexdigest()[:12]}"
    package = cache_folder() / name / "requests_gssapi"
    with _fetched_once(package) as folder:
        if folder:
            uv, _ = _tool("uv", "uv", "Kerberos"), system_program("krb5-config", "libkrb5-dev")
            options = ["--require-hashes", "--no-deps", "--python", sys.executable, "--target", str(folder)]
            _fetch([str(uv), "pip", "install", *options, "-r", str(_KERBEROS_LOCK)], folder)
    return package.parent


@contextmanager
def _fetched_once(wanted: Path) -> Iterator[Path | None]:
    """A fresh folder to fetch into, put in its place at the end; None when the program is there.

    Two processes may ask at once: the second waits. What is half fetched never stands under the final name.
    """
    if wanted.exists():
        yield None
        return
    cache = cache_folder()
    final = cache / wanted.relative_to(cache).parts[0]
    with (cache / f"{final.name}.lock").open("a") as lock, tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted.exists():
            yield None
            return
        folder = Path(scratch) / "new"
        folder.mkdir()
        yield folder
        folder.chmod(0o755)
        folder.rename(final)


def _tool(name: str, package: str, wanted_for: str) -> Path:
    found = shutil.which(name) or shutil.which(name, path=str(_OWN_TOOLS))
    if not found:
        raise ProgramMissing(f"{wanted_for} is fetched by '{name}', which is not here: install the Debian package {package}.")
    return Path(found)


def _fetch(command: list[str], folder: Path, more: dict[str, str] | None = None) -> None:
    """Run a package client in an empty folder. Raises ProgramMissing with the end of what it said."""
    environment = os.environ | (more or {})
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_FETCH_S
        )
    except subprocess.TimeoutExpired as exc:
        raise ProgramMissing(f"{Path(command[0]).name} had not fetched {folder.parent.name} after {_FETCH_S} s.") from exc
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-_LOG_END:]
        raise ProgramMissing(f"{Path(command[0]).name} could not fetch the program: {said}")


def _unpack(folder: Path) -> None:
    """Replace the archive in the folder by what it holds, without its top folder; programs stay executable."""
    (archive,) = folder.glob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            target = Path(packed.extract(entry, folder))
            if not entry.is_dir() and entry.external_attr >> 16 & 0o111:
                target.chmod(0o755)
    archive.unlink()
    (top,) = folder.iterdir()
    for entry_path in top.iterdir():
        entry_path.rename(folder / entry_path.name)
    top.rmdir()


def _java_version(home: Path) -> int:
    try:
        told = re.search(r'JAVA_VERSION="(\d+)', (home / "release").read_text())
    except OSError:
        return 0
    return int(told.group(1)) if told else 0
