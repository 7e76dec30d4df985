"""The mail system of an invented agency, for the demonstration."""
