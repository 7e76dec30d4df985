"""Wiring of the demonstration: an invented agency with its mailboxes, register and settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from capstone.domain.errors import SourceMissing, StoreUnavailable

if TYPE_CHECKING:
    from connectors.demo.agency import DemoSummary


def generate_demo(folder: Path, seed: int) -> DemoSummary:
    """Write an invented agency's mailboxes, register and settings. Raises OutputExists, StoreUnavailable."""
    from connectors.demo.agency import generate

    try:
        return generate(folder, seed)
    except OSError as exc:
        raise StoreUnavailable(f"The demonstration cannot be written: {exc.strerror}.", "Name another folder with --in.") from exc


def demo_summary(folder: Path) -> DemoSummary:
    """What `generate_demo` wrote there. Raises SourceMissing."""
    from connectors.demo.agency import load_summary

    try:
        return load_summary(folder)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SourceMissing(f"There is no demonstration in {folder}.", "Run 'make demo' or 'capstone demo generate'.") from exc
