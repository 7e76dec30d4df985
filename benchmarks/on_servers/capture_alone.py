"""Capture without an index beside it, as the DAG capture_mail does: ACCOUNT [PATH].

Without a path it captures from the configured sources.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import structlog

from capstone.bootstrap import build_app


def main() -> None:
    """Print the counts."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    account, *paths = sys.argv[1:]
    app = build_app()
    try:
        reports = [app.import_files([Path(path) for path in paths], account)] if paths else app.capture(account)
    finally:
        app.close()
    for report in reports:
        if report.error is not None:
            raise report.error
    print(json.dumps({"runs": [report.as_counts() for report in reports]}))


if __name__ == "__main__":
    main()
