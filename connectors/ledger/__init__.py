"""The ledger on a SQL database."""
