"""Contexts that are shared check what a fresh one would: a certificate nobody vouches for is refused."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.notifier.adapters.tls import DeferredContext, spare_contexts


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "own.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def secured(context: DeferredContext, certificate: Path) -> str | None:
    """Secure a connection to a server with *certificate*; return the TLS version."""
    ours, theirs = socket.socketpair()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with context.wrap_socket(ours, server_hostname="localhost") as wrapped:
            return wrapped.version()
    finally:
        ours.close()
        thread.join(10)


def test_apprise_uses_them() -> None:
    assert spare_contexts()
    smtp = import_module("apprise.plugins.email.smtp")
    assert isinstance(smtp.ssl.create_default_context(), DeferredContext)
    assert smtp.ssl.CERT_NONE is ssl.CERT_NONE


def test_a_certificate_nobody_vouches_for_is_refused_unless_that_is_wanted(certificate: Path) -> None:
    lenient = DeferredContext()
    lenient.check_hostname, lenient.verify_mode = False, ssl.CERT_NONE
    assert secured(lenient, certificate)
    with pytest.raises(ssl.SSLCertVerificationError):
        secured(DeferredContext(), certificate)  # also after the lenient one was made
