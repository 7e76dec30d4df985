"""The approved form NA-1005: read from a tree of names and texts into a value. Pure: no PDF, no XML, no clock."""

from capstone.domain.forms.listing import COLUMNS, LISTING_COLUMNS, listing, listing_csv, positions_csv
from capstone.domain.forms.read import read_form
from capstone.domain.forms.rows import as_decided, form_as_dict, position_rows
from capstone.domain.forms.rules import FormRules, Window, read_form_rules
from capstone.domain.forms.states import FormHistory, FormState, due_window, expires_on, history_of, state_on
from capstone.domain.forms.tree import FormFile, Node
from capstone.domain.forms.values import Form

__all__ = [
    "COLUMNS", "LISTING_COLUMNS", "Form", "FormFile", "FormHistory", "FormRules", "FormState", "Node", "Window",
    "as_decided", "due_window", "expires_on", "form_as_dict", "history_of", "listing", "listing_csv",
    "position_rows", "positions_csv", "read_form", "read_form_rules", "state_on",
]  # fmt: skip
