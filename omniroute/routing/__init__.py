"""Decisions over a snapshot: pure functions of values."""
