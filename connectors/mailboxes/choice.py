"""What becomes of a folder's cursor where a person chooses which folders are left out."""

from __future__ import annotations


def cursor_for(name: str, policy: str | None, by_default: str | None) -> str:
    """The name of the cursor of a folder that goes by `name`, as `policy` leaves it out now and `by_default` without any choice.

    A folder that is taken against the default, or left out against it, has a cursor of its own: where the choice changes,
    it is read on from where it stood when it was judged so before, and nothing that came meanwhile is passed over.
    """
    if (policy is None) == (by_default is None):
        return name
    return f"{name}!{'taken' if policy is None else 'left out'}"
