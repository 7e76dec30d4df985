"""What is learned from a message's bytes. Pure: bytes in, values out; never raises for what a message holds."""

from capstone.domain.facts.envelope_properties import envelope_properties
from capstone.domain.facts.read import capture_facts, index_facts, read_facts

__all__ = ["capture_facts", "envelope_properties", "index_facts", "read_facts"]
