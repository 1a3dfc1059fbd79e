"""Machines the size of a page, without a clock of their own: what is counted, and when it lets go."""
