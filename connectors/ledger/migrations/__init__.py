"""The versions of the ledger's tables, for Alembic; `connectors.ledger.schema` runs them. There is no way back down."""
