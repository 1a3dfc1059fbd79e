"""OmniRoute, an AI gateway configured by files."""

__version__ = "0.1.0"
