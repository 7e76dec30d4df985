"""Public PST and OST files of forms that the corpus lacks, fetched by the clients of Go and npm, known by their digests.

The mailbox of go-pst is the one of which the corpus has the messages as files. Of pst-extractor are two OSTs of Outlook 2013 and
later, whose pages have 4,096 bytes. Licences: Apache 2.0 and MIT.
"""

from __future__ import annotations

import shutil
import tarfile
from hashlib import sha256
from pathlib import Path

from servers.errors import ProgramMissing
from servers.fetching import cache_folder, fetch, fetched_once, tool

_GO_PST, _GO_PST_VERSION = "github.com/mooijtech/go-pst/v6", "v6.0.2"
_PST_EXTRACTOR = "pst-extractor@1.12.0"
ANSI, MAILBOX = "32-bit.pst", "enron.pst"
OSTS = ("pstextractortest@outlook.com.ost", "pstextractortestpdf@outlook.com.ost")
_DIGESTS = {
    ANSI: "e1d6fc712ba5bc8df88a277ba54e8ccca5d5b78d74f92adb95fc079cf84d0b63",
    MAILBOX: "a59557b74f0dd72c421db9093084558f34e6fc00ee8cb0032f6475f6dd592252",
    OSTS[0]: "daacd8d441428634e103b7c1e37fe1e5909256cc917551667049b5e84dfcf5f0",
    OSTS[1]: "c914f1f9eea55da0eb3884d063acf18a109fcb34cdd7dda623770f117ff63918",
}


def public_psts() -> dict[str, Path]:
    """The files by name. Raises ProgramMissing."""
    home = cache_folder() / f"pst-samples-{_GO_PST_VERSION}"
    with fetched_once(home / MAILBOX) as folder:
        if folder:
            go, npm = tool("go", "golang", "A sample of mail"), tool("npm", "npm", "A sample of mail")
            own = {"GOMODCACHE": str(folder / "go"), "GOFLAGS": "-modcacherw"}
            fetch([str(go), "mod", "download", f"{_GO_PST}@{_GO_PST_VERSION}"], folder, own)
            fetch([str(npm), "pack", "--silent", _PST_EXTRACTOR], folder)
            _gather(folder)
    return {name: home / name for name in _DIGESTS}


def _gather(folder: Path) -> None:
    """Leave nothing in the folder but the files. Raises ProgramMissing where one is another than was meant."""
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder / "npm", filter="data")
    found = {path.name: path for path in (folder / "go" / f"{_GO_PST}@{_GO_PST_VERSION}").rglob("*.pst")}
    found |= {path.name: path for path in folder.rglob("*.ost")}
    for name, digest in _DIGESTS.items():
        raw = found[name].read_bytes() if name in found else b""
        if sha256(raw).hexdigest() != digest:
            raise ProgramMissing(f"The sample {name} is not the one that is meant, or was not fetched.")
        (folder / name).write_bytes(raw)
    packed.unlink()
    for name in ("go", "npm"):
        shutil.rmtree(folder / name)
