"""A worker of ``omniroute serve --workers``: started by the supervisor, and by nobody else.

Always true: it ends when its supervisor does, of which its standard input tells; it takes no SIGHUP before it can obey
one.
"""

import os
import signal
import socket
import sys
import threading

import msgspec

from omniroute.cli.exits import Exit
from omniroute.cli.options import environment
from omniroute.cli.report import findings
from omniroute.cli.serve import run_on_loop
from omniroute.errors import ConfigError, StorageError
from omniroute.gateway.assembly import Started, serve
from omniroute.gateway.workers import READY, Orders, process_of


def main() -> int:
    """Serve as the first line of standard input says; gives the exit code."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    orders = msgspec.json.decode(sys.stdin.buffer.readline(), type=Orders)
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    listening = socket.socket(fileno=orders.descriptor)
    try:
        run_on_loop(serve(process_of(orders, dict(environment())), sys.stderr, _ready, listening))
    except ConfigError as error:
        sys.stderr.write(findings(error.diagnostics, colour=False))
        return Exit.BAD_CONFIG
    except StorageError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        return Exit.PROBLEMS
    finally:
        listening.close()
    return Exit.FINE


def _ready(_: Started) -> None:
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


def _end_with_supervisor() -> None:
    """Wait until nobody holds the other end of standard input, and stop in order then."""
    # Not through `sys.stdin`, whose lock a thread must not hold when the interpreter ends.
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
