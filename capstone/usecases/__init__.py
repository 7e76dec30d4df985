"""The order of the steps. Speaks to ports only; the place that logs."""
