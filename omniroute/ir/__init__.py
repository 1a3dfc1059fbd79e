"""What is said, in nobody's dialect."""
