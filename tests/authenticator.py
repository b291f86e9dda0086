"""A security key in software: signs what a browser would have it sign (WebAuthn level 2 §6)."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class SoftKey:
    """One credential, which counts its signatures."""

    rp_id: str = "localhost"
    origin: str = "http://localhost"
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    sign_count: int = 0

    def make(self, options: dict[str, Any], **more: Any) -> str:
        """Answer `navigator.credentials.create` with no attestation (§8.7)."""
        numbers = self.private.public_key().public_numbers()
        public_key = encode_cbor(
            {
                1: 2,
                3: -7,
                -1: 1,
                -2: numbers.x.to_bytes(32, "big"),
                -3: numbers.y.to_bytes(32, "big"),
            }
        )
        attested = (
            bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public_key
        )
        data = self._data(PRESENT | VERIFIED | ATTESTED) + attested
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options, **more)
        return self._answer(
            client, {"attestationObject": base64url(attestation), "transports": ["usb"]}
        )

    def sign(self, options: dict[str, Any], **more: Any) -> str:
        """Answer `navigator.credentials.get`, one count further."""
        self.sign_count += 1
        data = self._data(PRESENT | VERIFIED)
        client = self._client("webauthn.get", options, **more)
        signature = self.private.sign(
            data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256())
        )
        return self._answer(
            client,
            {"authenticatorData": base64url(data), "signature": base64url(signature)},
        )

    def _data(self, flags: int) -> bytes:
        rp = hashlib.sha256(self.rp_id.encode()).digest()
        return rp + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], **more: Any) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(told | more).encode()

    def _answer(self, client: bytes, response: dict[str, Any]) -> str:
        name = base64url(self.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "clientExtensionResults": {},
                "response": {"clientDataJSON": base64url(client), **response},
            }
        )
