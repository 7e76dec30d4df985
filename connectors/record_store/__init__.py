"""Where records lie: one module per kind of object storage."""
