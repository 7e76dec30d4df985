"""Runs the migrations on the connection that `schema.create` gives, inside its transaction. Touches no logging."""

from alembic import context

from connectors.ledger.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
