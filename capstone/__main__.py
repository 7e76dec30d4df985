"""The `capstone` command: runs the command line and turns every error into a code, a sentence and a next step."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys

import structlog
from typer.exceptions import TyperException

from capstone.domain.errors import CapstoneError

_COLLECT_AFTER = 50_000
"""Objects between two garbage collections: a batch makes many, and hardly any of them in cycles."""

DONE, USAGE, NAMED_ERROR, INTERRUPTED = 0, 2, 3, 130


def main() -> None:
    """Run one command and exit with its code."""
    _log_to_standard_error()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and give its exit code."""
    from capstone.cli import app  # importing the command line is most of the start-up time
    from capstone.cli.options import close_opened

    gc.freeze()  # what is imported stays: it need not be looked through again and again
    gc.set_threshold(_COLLECT_AFTER)
    wants_json = "--json" in arguments
    try:
        code = app(arguments, standalone_mode=False, prog_name="capstone")
    except CapstoneError as exc:
        return _tell(exc.code, exc.message, exc.next_step, NAMED_ERROR, wants_json=wants_json)
    except TyperException as exc:
        return _tell(
            "E010", exc.format_message(), "See 'capstone --help', or --help after a command.", USAGE, wants_json=wants_json
        )
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("Stopped. Nothing is lost: run the command again.\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as exc:
        if os.environ.get("CAPSTONE_DEBUG"):
            raise
        next_step = "Run it again with CAPSTONE_DEBUG=1 and report what it prints; it names no content of mail."
        return _tell("E000", f"A fault in the program: {type(exc).__name__}.", next_step, NAMED_ERROR, wants_json=wants_json)
    finally:
        close_opened()
    return code if isinstance(code, int) else DONE


def _tell(code: str, message: str, next_step: str, exit_code: int, *, wants_json: bool) -> int:
    if wants_json:
        sys.stdout.write(json.dumps({"error": {"code": code, "message": message, "next": next_step}}) + "\n")
    else:
        from capstone.cli.output import printable

        sys.stderr.write(f"{code}: {printable(message)}\nNext: {printable(next_step)}\n")
    return exit_code


def _log_to_standard_error() -> None:
    level = os.environ.get("CAPSTONE_LOG", "error").upper()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level, logging.ERROR)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    main()
