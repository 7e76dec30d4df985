"""The command line: one function a command. Exit codes: 0 done, 1 something failed or is missing, 2 usage, 3 named error."""

from __future__ import annotations

import typer

from capstone.cli import capturing, care, demo, officials_forms, reading, register, replaying
from capstone.cli.culling import cull
from capstone.cli.forms import form
from capstone.cli.journal import journal
from capstone.cli.officials import officials
from capstone.cli.sources import sources

app = typer.Typer(
    name="capstone",
    help="Keeps the email of Capstone officials as federal records: exact, classified by role in time, guarded, findable.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command("init")(capturing.init)
app.add_typer(officials, name="officials", no_args_is_help=True)
officials.command("designate")(register.designate)
officials.command("end")(register.end)
officials.command("correct")(register.correct)
officials.command("remove")(register.remove)
officials.command("account")(register.account)
officials.command("address")(register.address)
officials.command("right")(register.right)
officials.command("series")(register.series)
officials.command("check")(register.check)
officials.command("form")(form)
officials.command("forms")(officials_forms.forms)
officials.command("withdraw")(officials_forms.withdraw)
officials.command("resubmitted")(officials_forms.resubmitted)
officials.command("export")(officials_forms.export)
officials.command("gaps")(officials_forms.gaps)
officials.command("preview")(replaying.preview)
officials.command("approve")(replaying.approve)
app.command("replay")(replaying.replay)
app.add_typer(cull, name="cull", no_args_is_help=True)
app.add_typer(sources, name="sources", no_args_is_help=True)
app.command("import")(capturing.import_)
app.command("capture")(capturing.capture)
app.command("journal")(journal)
app.command("index")(capturing.index_)
app.command("search")(reading.search)
app.command("show")(reading.show)
app.command("why")(reading.why)
app.command("export")(reading.export)
app.command("status")(capturing.status)
app.add_typer(capturing.quarantine, name="quarantine", no_args_is_help=True)
app.command("reconcile")(care.reconcile)
app.command("verify")(care.verify)
app.command("rebuild")(care.rebuild)
app.add_typer(demo.demo, name="demo", no_args_is_help=True)
