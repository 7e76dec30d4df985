"""Where the mail corpus lies. It is never part of this project: tests read it in place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def corpus_root() -> Path:
    """CAPSTONE_CORPUS, else `shared/corpus` beside the checkout. Missing: skip, or fail where services are required."""
    named = os.environ.get("CAPSTONE_CORPUS")
    root = (Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "corpus").resolve()
    if not (root / "MANIFEST.sha256").is_file():
        reason = f"the mail corpus is not at {root}; set CAPSTONE_CORPUS"
        if os.environ.get("CAPSTONE_SERVICES") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return root
