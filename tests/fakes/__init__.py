"""In-memory twins of the adapters; they pass the same contract suites."""
