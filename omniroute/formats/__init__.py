"""Codecs between bytes and what they mean; no two of them know each other."""
