"""Carrying out what the core decides."""
