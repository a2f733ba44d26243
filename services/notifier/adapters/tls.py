"""One TLS context for many mails.

Apprise 1.12 makes a context for each mail, for plain connections too, and loads the system's certificates into it:
20 ms of computing a mail, four tenths of all that the notifier computes when a thousand ponds go red. Here a context
is made when a connection is first secured, one for each way of checking, and used again: what is checked stays the
same.
"""

from __future__ import annotations

import ssl
import threading
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["DeferredContext", "spare_contexts"]

_lock = threading.Lock()
_made: dict[tuple[bool, ssl.VerifyMode], ssl.SSLContext] = {}


class DeferredContext:
    """Stands for ``ssl.create_default_context()`` until a connection is secured with it."""

    def __init__(self) -> None:
        self.check_hostname = True
        self.verify_mode = ssl.CERT_REQUIRED

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Secure a connection, as ``SSLContext.wrap_socket`` does."""
        return self._context().wrap_socket(*arguments, **options)

    def _context(self) -> ssl.SSLContext:
        with _lock:
            key = (self.check_hostname, self.verify_mode)
            if key not in _made:
                context = ssl.create_default_context()
                # In this order: a context that checks the name must verify.
                context.check_hostname = self.check_hostname
                context.verify_mode = self.verify_mode
                _made[key] = context
            return _made[key]


class _Ssl(ModuleType):
    """The module ``ssl`` with another way to make a default context."""

    create_default_context = DeferredContext

    def __getattr__(self, name: str) -> Any:
        return getattr(ssl, name)


def spare_contexts() -> bool:
    """Let apprise's mail use deferred contexts, from now on; False when this apprise makes its own elsewhere."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its plug-ins' imports
            names = vars(import_module("apprise.plugins.email.smtp"))
    except ImportError:
        return False
    if names.get("ssl") is ssl:
        names["ssl"] = _Ssl("ssl")
    return isinstance(names.get("ssl"), _Ssl)
