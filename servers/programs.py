"""Where each program is found, and how those that no Debian package brings are fetched.

PostgreSQL, Dovecot, Redis and Kerberos come from the system's packages and are never installed here. versitygw is built by
`go install`, Elasticsearch unpacked from a Maven artifact, and Python's Kerberos built by uv (see `fetching`).
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

from servers.errors import ProgramMissing
from servers.fetching import cache_folder, fetch, fetched_once, tool
from servers.security_index import add_security_index_analysis

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw"
VERSITYGW_VERSION = "v1.8.0"
ELASTICSEARCH = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
ELASTICSEARCH_VERSION = "9.5.3"
_MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy"
_OLDEST_JDK = 21
_KERBEROS_LOCK = Path(__file__).resolve().parents[1] / "requirements-kerberos.lock"
_JDKS, _POSTGRES = Path("/usr/lib/jvm"), Path("/usr/lib/postgresql")
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


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
    with fetched_once(program) as folder:
        if folder:
            go = tool("go", "golang", "versitygw")
            fetch([str(go), "install", f"{VERSITYGW}@{VERSITYGW_VERSION}"], folder, {"GOBIN": str(folder)})
    return program


def elasticsearch_folder() -> Path:
    """The unpacked distribution, fetched if need be. Raises ProgramMissing."""
    home = cache_folder() / f"elasticsearch-{ELASTICSEARCH_VERSION}-with-keys"
    with fetched_once(home / "bin" / "elasticsearch") as folder:
        if folder:
            mvn = tool("mvn", "maven", "Elasticsearch")
            artifact = f"-Dartifact={ELASTICSEARCH}:{ELASTICSEARCH_VERSION}:zip"
            fetch([str(mvn), "-B", "-q", _MAVEN_COPY, artifact, f"-DoutputDirectory={folder}"], folder)
            _unpack(folder)
            add_security_index_analysis(folder, java_home(), ELASTICSEARCH_VERSION, _OLDEST_JDK)
    return home


def python_kerberos() -> Path:
    """The folder of the Python packages that speak Kerberos, built if need be. Raises ProgramMissing."""
    locked = _KERBEROS_LOCK.read_bytes()
    name = f"python-kerberos-{sys.implementation.cache_tag}-{sha256(locked).hexdigest()[:12]}"
    package = cache_folder() / name / "requests_gssapi"
    with fetched_once(package) as folder:
        if folder:
            uv, _ = tool("uv", "uv", "Kerberos"), system_program("krb5-config", "libkrb5-dev")
            options = ["--require-hashes", "--no-deps", "--python", sys.executable, "--target", str(folder)]
            fetch([str(uv), "pip", "install", *options, "-r", str(_KERBEROS_LOCK)], folder)
    return package.parent


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
