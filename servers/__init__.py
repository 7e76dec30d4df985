"""Real servers on this machine: object storage, database, search, mail and broker, on loopback, for tests and for `make up`.

Each is a process started by this package and stopped by it; nothing is installed into the system and nothing stays running.
"""
