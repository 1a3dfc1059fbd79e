"""The network hand: the only room that talks to providers, and the only one that sees a secret's value."""
