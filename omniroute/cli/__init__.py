"""Words in a terminal."""
