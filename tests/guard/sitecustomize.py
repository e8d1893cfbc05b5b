"""Python loads this when it starts with this folder on its path: nothing is asked outside of this machine.

What would be is written to the file FILM_ASKED_OUTSIDE, a line each, and fails.
"""

import os
import sys

LOCAL = ("", "0.0.0.0", "localhost", "127.0.0.1", "::1", "::")
# Event -> which of its arguments holds the address.
ASKS = {
    "socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0, "socket.gethostbyaddr": 0,
}  # fmt: skip


def _watch(event, arguments):
    if event not in ASKS:
        return
    address = arguments[ASKS[event]]
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode() if isinstance(host, bytes) else host
    if host is None or host in LOCAL or host.startswith("/"):
        return
    with open(os.environ["FILM_ASKED_OUTSIDE"], "a", encoding="utf-8") as file:
        file.write(f"{event} {address}\n")
    raise OSError(f"{event} {address}: nothing is asked outside")


sys.addaudithook(_watch)
