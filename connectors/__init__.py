"""Adapters: each one speaks to one outside system."""
