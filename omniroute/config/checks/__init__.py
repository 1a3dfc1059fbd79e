"""The checks of ``config/check.py``, by what they are about."""
