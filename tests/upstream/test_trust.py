"""Whom the clients trust."""

import ssl
import sys

from omniroute.upstream.trust import system_trust
from tests.house.tree import python


def test_certificates_and_names_are_checked() -> None:
    context = system_trust()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_without_authorities_in_the_system_there_is_still_a_list() -> None:
    # OpenSSL takes its own paths from the environment of a process, so this needs one of its own.
    code = (
        "import os; os.environ['SSL_CERT_FILE'] = os.environ['SSL_CERT_DIR'] = '/nonexistent'\n"
        "from omniroute.upstream.trust import system_trust\n"
        "print(system_trust().cert_store_stats()['x509_ca'])"
    )
    done = python(code)
    assert int(done.stdout) > 50, done.stderr + sys.version
