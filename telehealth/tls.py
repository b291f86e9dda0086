"""The server's certificate: loaded once, and again on SIGHUP without dropping a connection.

Theory of operation. The listening socket has one context for ever. For each new handshake OpenSSL
asks its callback (RFC 6066 §3), which puts the newest good context in its place. So a renewed
certificate is taken whole or not at all, and what was open stays open.
"""

import logging
import ssl
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from telehealth.errors import RefusedError

log = logging.getLogger(__name__)
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and AEAD only (RFC 9325 §4.2); TLS 1.3 has nothing else."""


class Certificate:
    """A certificate and its key as files; `context` is what a socket listens with."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Load the files.

        Raises:
            RefusedError: a file is missing or is none, or the key is another certificate's.
        """
        self._cert = cert
        self._key = key
        self._current, self.not_after = _load(cert, key)
        self.context, _ = _load(cert, key)
        self.context.sni_callback = self._take_newest

    def reload(self, now: datetime) -> bool:
        """Take the files as they are now; a bad one changes nothing and is logged.

        Returns:
            Whether new handshakes are served with what the files hold.
        """
        try:
            context, not_after = _load(self._cert, self._key)
            if not_after <= now:
                raise RefusedError("tls_cert", "not expired", not_after.isoformat())
        except RefusedError as error:
            log.error("certificate not renewed, the old one stays", extra={"why": str(error)})
            return False
        self._current, self.not_after = context, not_after
        log.info("certificate loaded", extra={"not_after": not_after.isoformat()})
        return True

    def _take_newest(self, handshake: object, _name: object, _context: object) -> None:
        assert isinstance(handshake, ssl.SSLObject | ssl.SSLSocket)  # noqa: S101 - OpenSSL's own
        handshake.context = self._current


def _load(cert: Path, key: Path) -> tuple[ssl.SSLContext, datetime]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        leaf = x509.load_pem_x509_certificates(cert.read_bytes())[0]
        context.load_cert_chain(cert, key, password="")  # never asks # nosec B106
    except ssl.SSLError as error:
        raise RefusedError("tls_key", f"the key of {cert}", str(error)) from error
    except (ValueError, OSError) as error:
        raise RefusedError("tls_cert", f"PEM files {cert} and {key}", str(error)) from error
    return context, leaf.not_valid_after_utc
