"""The DAGs: what each must have, and whole runs."""
