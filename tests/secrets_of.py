"""The forms in which a key could show where it must not."""

import base64

from telehealth.keys import Keyring

Forms = tuple[bytes, ...]


def secrets_of(keyring: Keyring) -> list[Forms]:
    """Return, for each key, its secret as it is, in hex, base64, base32 and as Python shows it."""
    return [
        (
            key.secret,
            key.secret.hex().encode(),
            key.secret.hex().upper().encode(),
            base64.b64encode(key.secret).rstrip(b"="),
            base64.urlsafe_b64encode(key.secret).rstrip(b"="),
            base64.b32encode(key.secret).rstrip(b"="),
            repr(key.secret).encode(),
        )
        for part in (keyring.data, keyring.index, keyring.audit, keyring.identity)
        for key in part
    ]
