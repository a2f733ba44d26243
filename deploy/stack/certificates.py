"""An authority of one's own and NATS's certificate from it: for development, and for sites without another.

A site that has one puts its own ``server.crt``, ``server.key`` and ``ca.crt`` into ``secrets/nats`` and removes
``secrets/authority/ca.key``: what was not made here is left alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.stack import files
from shared.problems import BadInput, Fault

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as _Key

__all__ = ["INSIDE", "make_certificates"]

INSIDE = ("nats", "nats-2", "nats-3", "localhost", "127.0.0.1")
"""Names by which the stack's own containers reach the servers, and this host its loopback port."""
AUTHORITY = "tailwarden development authority"
AUTHORITY_DAYS, SERVER_DAYS, RENEW_DAYS = 3650, 825, 60
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*")


def make_certificates(served: Path, authority: Path, hosts: Sequence[str] = ()) -> bool:
    """Make authority and server certificate unless they are there and good; tell whether a certificate was made.

    Parameters
    ----------
    served
        Gets ``ca.crt``, ``server.crt`` and ``server.key``.
    authority
        Gets ``ca.key``.
    hosts
        Names and addresses beyond ``INSIDE``. Those of the certificate that is there stay.

    Raises
    ------
    BadInput
        ``stack.bad_host``.
    Fault
        ``local.no_binary`` when the package ``cryptography`` is missing.
    """
    try:
        from cryptography import x509
    except ImportError as error:
        raise Fault("local.no_binary", name="cryptography", package="cryptography") from error
    for host in hosts:
        if not _HOST.fullmatch(host) and not _is_address(host):
            raise BadInput("stack.bad_host", field="host", host=host[:80])
    there = files.read(served / "server.crt")
    known: list[str] = []
    if there is not None:
        certificate = x509.load_pem_x509_certificate(there.encode())
        if not (authority / "ca.key").is_file():
            return False  # the site's own
        known = _names(certificate)
        fresh = certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=RENEW_DAYS)
        if fresh and set(hosts) <= set(known):
            return False
    key, ca = _authority(served, authority)
    _server(served, key, ca, list(dict.fromkeys([*INSIDE, *known, *hosts])))
    return True


def _authority(served: Path, authority: Path) -> tuple[_Key, x509.Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text, kept = files.read(served / "ca.crt"), files.read(authority / "ca.key")
    if text is not None and kept is not None:
        key = load_pem_private_key(kept.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # as made below
        return key, x509.load_pem_x509_certificate(text.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, AUTHORITY)])
    builder = _builder(name, name, key, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    ca = _signed(builder, key, key)
    files.put(authority / "ca.key", _pem(key), 0o400)
    files.put(served / "ca.crt", _text(ca))
    return key, ca


def _server(served: Path, issuer: _Key, ca: x509.Certificate, hosts: Sequence[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nats")])
    names = [x509.IPAddress(ipaddress.ip_address(h)) if _is_address(h) else x509.DNSName(h) for h in hosts]
    # Routes of the cluster show it to each other: it is a client's too.
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = _builder(name, ca.subject, key, SERVER_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False
    )
    certificate = _signed(builder, key, issuer)
    files.put(served / "server.key", _pem(key))
    files.put(served / "server.crt", _text(certificate))


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key, days: int) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks of loggers are not exact
        .not_valid_after(now + timedelta(days=days))
    )


def _signed(builder: x509.CertificateBuilder, key: _Key, issuer: _Key) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(issuer, hashes.SHA256())


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(key: _Key) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _text(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _names(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
