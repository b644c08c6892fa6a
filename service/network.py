"""This machine's own addresses, for links, certificates and media candidates."""

from __future__ import annotations

import contextlib
import socket


def local_addresses() -> list[str]:
    """IPv4 addresses of this machine, the one of the default route first, loopback last. Sends nothing."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a UDP socket only asks the routing table; TEST-NET-1 (RFC 5737) belongs to nobody.
            probe.connect(("192.0.2.1", 9))
            found.append(probe.getsockname()[0])
        except OSError:
            pass
    with contextlib.suppress(OSError):
        found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [*dict.fromkeys(a for a in found if not a.startswith("127.")), "127.0.0.1"]
