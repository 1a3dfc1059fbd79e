"""Configuration: from text to an immutable snapshot, with every fault found on the way."""
