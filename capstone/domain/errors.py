"""Every error that a user can meet: a code, what happened, what to do next.

Codes are never reused. E0xx settings and register, E1xx mail and sources, E2xx store and fixity,
E3xx ledger, E4xx index and search, E5xx runs. Problems *inside* a message are not errors: see `problems`.
"""

from __future__ import annotations


class CapstoneError(Exception):
    """A named error. `code` and `retryable` belong to the class; `message` and `next_step` to the case."""

    code = "E000"
    retryable = False
    default_next_step = "Read docs/runbook.md, section 'Named errors'."

    def __init__(self, message: str, next_step: str | None = None) -> None:
        """Say what happened in `message` and what to do in `next_step`; neither may quote mail content."""
        super().__init__(message)
        self.message = message
        self.next_step = next_step or self.default_next_step

    def as_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {"code": self.code, "message": self.message, "next": self.next_step}


# --- settings and register -------------------------------------------------------------------------


class BadSettings(CapstoneError):
    """A settings file or CAPSTONE_* variable cannot be used."""

    code = "E001"
    default_next_step = "Correct the setting; config/settings.example.toml shows every key."


class MissingSecret(CapstoneError):
    """A secret is named by file or environment variable and is not there."""

    code = "E002"
    default_next_step = "Create the file or set the variable; secrets never stand in the settings themselves."


class BadSchedule(CapstoneError):
    """A retention schedule file cannot be used."""

    code = "E003"
    default_next_step = 'Correct the file under config/schedules/; items are strings such as "010".'


class BadOfficialsFile(CapstoneError):
    """An officials file has rows that contradict one another or cannot be read; nothing was imported."""

    code = "E004"
    default_next_step = "Correct the rows named above and import the whole file again."


class NotInitialised(CapstoneError):
    """The ledger, store or index is not there yet."""

    code = "E005"
    default_next_step = "Run 'capstone init'; where a ledger was lost, 'capstone rebuild --ledger' makes it anew from the store."


class NotAllowed(CapstoneError):
    """The person has no role that allows this."""

    code = "E006"
    default_next_step = "Ask the Records Officer for a role in roles.toml, or name a person with --as."


class UnknownAccount(CapstoneError):
    """The account is not in the register of officials; nothing was stored."""

    code = "E007"
    default_next_step = "Register it with 'capstone officials import', or list accounts with 'capstone officials list'."


class BadForm(CapstoneError):
    """A file given as form NA-1005 is none, or cannot be read; nothing was imported."""

    code = "E008"
    default_next_step = "Import the PDF as the National Archives sent it; where there is none, a CSV of positions does the same."


class UnknownForm(CapstoneError):
    """No form of this number is in the register."""

    code = "E009"
    default_next_step = "Register it with 'capstone officials import FORM.pdf', or list forms with 'capstone officials forms'."


class UnknownFact(CapstoneError):
    """No designation or fact that is in force has this id."""

    code = "E011"
    default_next_step = "See 'capstone officials list' for what is in force, and 'capstone officials history' for what was."


class RegisterContradiction(CapstoneError):
    """A change would make the register say what cannot be true; nothing was changed."""

    code = "E012"
    default_next_step = "End or correct what is named first ('capstone officials end', 'capstone officials correct')."


class BadRegisterEntry(CapstoneError):
    """Something said of the register cannot be read; nothing was changed."""

    code = "E013"
    default_next_step = "Correct the value named above; --help after the command says how each is written."


class NothingToApprove(CapstoneError):
    """An approval was given and the register has no change at all."""

    code = "E015"
    default_next_step = "Enter the officials first ('capstone officials import')."


class SecondPersonNeeded(CapstoneError):
    """What was changed must be approved by somebody who did not change it."""

    code = "E016"
    default_next_step = "Ask another Records Officer to run 'capstone officials preview' and 'capstone officials approve'."


class UnknownProposal(CapstoneError):
    """No proposal to cull is what was named, or the viewer may not know of it; nothing was changed."""

    code = "E017"
    default_next_step = "See 'capstone cull list' for what is proposed; 'capstone cull propose' looks at an account again."


class CutoffReached(CapstoneError):
    """Mail is accepted as non-record, and what two people accepted taken back, until its cutoff only; nothing was changed."""

    code = "E018"
    default_next_step = "Tell the Records Officer: the record is still stored and locked, and its disposition needs people."


class CannotReview(CapstoneError):
    """This cannot be said of any of the proposals named; nothing was changed."""

    code = "E019"
    default_next_step = "See 'capstone cull list' for what became of each."


class RegisterChanged(CapstoneError):
    """An approval names another decision than the newest change of the register; nothing was approved."""

    code = "E020"
    default_next_step = "Run 'capstone officials preview' again: it shows what changes now and the number to approve."


class DecidedMeanwhile(CapstoneError):
    """The register changed between looking at it and changing it; nothing was changed."""

    code, retryable = "E021", True
    default_next_step = "Look at the change again (--preview shows it), then repeat the command."


# --- mail and sources ------------------------------------------------------------------------------


class SourceUnavailable(CapstoneError):
    """The source did not answer. A later run may succeed."""

    code, retryable = "E101", True
    default_next_step = "Check the source; the next run takes it up by itself."


class SourceMissing(CapstoneError):
    """The path or mailbox of a source does not exist or may not be read."""

    code = "E102"
    default_next_step = "Check the path and its permissions."


class NoMailFound(CapstoneError):
    """A source that should hold mail showed none at all: files, or a mailbox that gave none before."""

    code = "E103"
    default_next_step = "Check that the path is the right one; nothing was stored."


class SourceRefused(CapstoneError):
    """The source answered and did not let us in: wrong password or token, no permission, a certificate not trusted."""

    code = "E104"
    default_next_step = "Correct the user, the secret or the ca_file of this source; its mail waits where it is."


class ServerBusy(CapstoneError):
    """As many captures as are allowed read from this mail server now. A later run may succeed."""

    code, retryable = "E105", True
    default_next_step = "Wait; or raise `connections` of the source if the server can bear more."


# --- store and fixity ------------------------------------------------------------------------------


class FixityMismatch(CapstoneError):
    """The stored bytes are not the captured bytes. Stop; never overwrite."""

    code = "E201"
    default_next_step = (
        "Treat as an incident (36 CFR 1230.14): keep both copies, run 'capstone verify', tell the Records Officer."
    )


class ObjectMissing(CapstoneError):
    """An object that the ledger names is not in the store."""

    code = "E202"
    default_next_step = "Run 'capstone reconcile'; treat a missing record as an incident (36 CFR 1230.14)."


class ObjectLocked(CapstoneError):
    """The object is under a lock or hold and was not changed."""

    code = "E203"
    default_next_step = "A lock ends on its date; a hold is released by those who placed it."


class StoreUnavailable(CapstoneError):
    """The store did not answer or is full. A later run may succeed."""

    code, retryable = "E204", True
    default_next_step = "Check disk space and permissions of the store, then run again; nothing is captured twice."


class StoreUnfit(CapstoneError):
    """The store is not one this archive can use (missing, not created by init, damaged description)."""

    code = "E205"
    default_next_step = "Run 'capstone init', or restore the store from its copy."


class ObjectTooLarge(CapstoneError):
    """The object is larger than the store takes; nothing of it was stored."""

    code = "E206"
    default_next_step = "Split what the source holds, or keep this item elsewhere and tell the Records Officer."


# --- ledger ----------------------------------------------------------------------------------------


class LedgerUnavailable(CapstoneError):
    """The ledger did not answer or stayed locked. A later run may succeed."""

    code, retryable = "E301", True
    default_next_step = "Check that no other process holds the ledger, then run again."


class LedgerDamaged(CapstoneError):
    """The ledger is damaged or is not ours."""

    code = "E302"
    default_next_step = "Move the file aside and run 'capstone rebuild --ledger'; the store holds all that is needed."


class AccountBusy(CapstoneError):
    """Another run writes this account; one writer an account at a time."""

    code, retryable = "E303", True
    default_next_step = "Wait for the other run; after a crash the lease ends by itself."

    def __init__(self, message: str, holder: str = "") -> None:
        """`holder` names who writes."""
        super().__init__(message)
        self.holder = holder


class LedgerNotEmpty(CapstoneError):
    """A ledger is to be rebuilt from the store, and the database named for it holds one already."""

    code = "E305"
    default_next_step = "Name a new, empty database in [ledger] url; the old one stays as evidence."


class AuditChainBroken(CapstoneError):
    """The audit chain does not add up."""

    code = "E304"
    default_next_step = "Treat as an incident: keep the ledger file, compare it with the anchored heads under audit/."


# --- index and search ------------------------------------------------------------------------------


class IndexUnavailable(CapstoneError):
    """The index did not answer or is not there. Capture goes on without it."""

    code, retryable = "E401", True
    default_next_step = (
        "Check the index; what is due stays due, and 'capstone index' takes it up. One that is lost: 'capstone rebuild --index'."
    )


class IndexDamaged(CapstoneError):
    """The index is damaged or has another mapping version."""

    code = "E402"
    default_next_step = "Run 'capstone rebuild --index'; no record depends on the index."


class BadQuery(CapstoneError):
    """The query cannot be understood."""

    code = "E403"
    default_next_step = "See 'capstone search --help' for the fields and operators."


class IndexRefused(CapstoneError):
    """The index answered and did not let us in: wrong API key, a right that is missing, a certificate not trusted."""

    code = "E405"
    default_next_step = "Correct url, ca_file or API key of [index]; documents stay due, and capture goes on."


class UnknownRecord(CapstoneError):
    """No record has this id, or the viewer may not know of it."""

    code = "E404"
    default_next_step = "Copy the record id from 'capstone search'; it reads <account>/<sha256>."


# --- runs ------------------------------------------------------------------------------------------


class RunFailed(CapstoneError):
    """A run ended with accounts or items that failed."""

    code = "E501"
    default_next_step = "Read the run's summary with 'capstone status'; the next run takes failed items up again."


class WorkersUnavailable(CapstoneError):
    """The processes that read messages cannot be started. A later run may succeed."""

    code, retryable = "E503", True
    default_next_step = "Check memory and the limit on processes, then run again; nothing is captured twice."


class OutputExists(CapstoneError):
    """The folder to write to is not empty."""

    code = "E502"
    default_next_step = "Name a new or empty folder."
