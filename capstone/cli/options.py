"""Options that several commands share, and the archive they work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Annotated

import typer

from capstone.bootstrap import App, build_app
from capstone.cli.output import progress_bar

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else there.")]
Viewer = Annotated[str | None, typer.Option("--as", metavar="PERSON", help="Who asks; default: you, as roles.toml names you.")]

KnownOn = Annotated[
    datetime | None,
    typer.Option("--as-known-on", formats=["%Y-%m-%d"], metavar="DATE", help="As the register was at the end of that day."),
]


_of_this_command = ExitStack()


def opened() -> App:
    """The archive for one command; `close_opened` gives it back when the command has ended."""
    app = build_app()
    _of_this_command.callback(app.close)
    return app


def close_opened() -> None:
    """End connections and processes of every archive that the command opened."""
    _of_this_command.close()


@contextmanager
def archive(label: str, *, is_quiet: bool) -> Iterator[App]:
    """The archive, with a progress bar for its long work."""
    with progress_bar(label, is_quiet=is_quiet) as tell:
        app = build_app(tell)
        try:
            yield app
        finally:
            app.close()
