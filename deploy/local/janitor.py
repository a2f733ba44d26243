"""End what is left when the supervisor is gone: ``python -I -S janitor.py TOKEN GRACE [LINE …]``.

The supervisor holds the other end of our standard input and tells, a line each, the process groups it starts
(``+GROUP now`` for services, ``+GROUP later`` for servers that the kernel has asked to end properly) and has seen
end (``-GROUP``); what ran before we were started stands in LINE. Whatever ends the supervisor, ``kill -9``
included, closes that pipe. Then services are killed at once, with everything that bears TOKEN in its environment
(their children, however they detached themselves), and servers get GRACE seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from itertools import chain

MARK = "TAILWARDEN_RUN"


def bearers(token: str) -> list[int]:
    """Return the processes whose environment bears *token* (Linux; elsewhere none can be seen)."""
    found: list[int] = []
    needle = f"{MARK}={token}".encode()
    try:
        entries = os.listdir("/proc")
    except OSError:
        return found
    for entry in entries:
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if needle in file.read().split(b"\0"):
                    found.append(int(entry))
        except OSError:
            continue  # gone in the meantime, or not ours to look into
    return found


def kill_group(group: int, number: int) -> bool:
    """Send signal *number* (0: none) to *group*; tell whether anybody was there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sweep(token: str, now: set[int], later: set[int], grace: float) -> None:
    """Kill *now* and every bearer of *token*; give *later* up to *grace* seconds, then kill them too."""
    limit = time.monotonic() + grace
    while True:
        left = [group for group in now if kill_group(group, signal.SIGKILL)]
        for process in (found := bearers(token)):
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                continue
        late = time.monotonic() >= limit
        servers = [group for group in later if kill_group(group, signal.SIGKILL if late else 0)]
        if late or not (left or found or servers):
            return
        time.sleep(0.05)


def main(arguments: list[str]) -> None:
    """Read until the supervisor is gone, then sweep."""
    token, grace = arguments[0], float(arguments[1])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # our end is the pipe's end, nothing else
    groups: dict[int, str] = {}
    for line in chain(arguments[2:], sys.stdin):
        word, _, when = line.strip().partition(" ")
        if word.startswith("+"):
            groups[int(word[1:])] = when
        elif word.startswith("-"):
            groups.pop(int(word[1:]), None)
    now = {group for group, when in groups.items() if when == "now"}
    sweep(token, now, set(groups) - now, grace)


if __name__ == "__main__":
    main(sys.argv[1:])
