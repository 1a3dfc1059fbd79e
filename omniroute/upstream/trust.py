"""What both clients hold on to: whom they trust, and for how long they keep a connection."""

import ssl

import certifi

IDLE = 40.0
"""Seconds that a connection is kept for the next request; common load balancers close theirs after 60."""


def system_trust() -> ssl.SSLContext:
    """Give a context that trusts what the system trusts, or, where it names nobody, Mozilla's list from certifi.

    Reads certificates for some 40 ms, so not on the loop.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context
