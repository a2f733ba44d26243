"""Whether the service of this container serves: exit 0, or 1 and why.

Run by Docker every few seconds, so it is the standard library alone, without site-packages: some 30 ms. A service says
that it serves by the file ``TAILWARDEN_READY_FILE`` (on a tmpfs: a container that starts anew has none), and goes on
saying so at ``/readyz`` of ``TAILWARDEN_OPS_PORT``, when it has one.
"""

from __future__ import annotations

import http.client
import os
import sys

LIMIT = 4.0
"""Seconds the service may take to answer."""


def trouble() -> str:
    """Return what is wrong; nothing when all is well."""
    mark, port = os.environ.get("TAILWARDEN_READY_FILE"), os.environ.get("TAILWARDEN_OPS_PORT")
    if not mark and not port:
        return "neither TAILWARDEN_READY_FILE nor TAILWARDEN_OPS_PORT says where to look"
    if mark and (why := _mark(mark)):
        return why
    return _asked(int(port)) if port else ""


def _mark(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            os.kill(int(file.read()), 0)
    except PermissionError:
        return ""  # it is there, and another's
    except (OSError, ValueError) as error:
        return f"does not serve yet: {error}"
    return ""


def _asked(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"no answer at /readyz: {error}"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"/readyz says {answer.status}: {body}"


if __name__ == "__main__":
    found = trouble()
    if found:
        sys.exit(found)
