"""The command that receives journals by SMTP or LMTP."""

from __future__ import annotations

import sys

from capstone.cli.options import AsJson, opened
from capstone.cli.output import print_json, print_table


def journal(as_json: AsJson = False) -> None:
    """Receive journal reports and copies of mail by SMTP or LMTP until it is stopped (SIGTERM, or Ctrl-C).

    Example: CAPSTONE_LOG=info capstone journal
    """
    counts = opened().receive_journal(_tell)
    if as_json:
        print_json(dict(counts))
    else:
        print_table("Received", ["what", "number"], list(counts.items()))


def _tell(host: str, port: int) -> None:
    sys.stderr.write(f"Listening on {host} port {port}.\n")
    sys.stderr.flush()
