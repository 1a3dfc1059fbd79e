"""The disk hand: SQLite, for runtime data only."""
