"""The rules: pure functions and values. No clock, disk, network or logging."""
