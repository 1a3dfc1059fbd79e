"""The eyes: log and metrics, readers of one closed list of events."""
