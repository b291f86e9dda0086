"""By which identities this gateway knows its server: public keys, never a certificate. Pure.

A server has two and proves that it holds both; one that we know is enough to believe it. What it
then shows is what we know it by, so that a rotation reaches every gateway that connects meanwhile.
"""

from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols.errors import DecodeError, TelehealthError
from protocols.server_identity import (
    NONCE_BYTES,
    SIGNATURE_BYTES,
    Identities,
    fingerprint,
    from_base64,
    identities_of,
    proof_words,
    same_fingerprint,
)
from protocols.uplink import Proof


class UnprovenServerError(TelehealthError):
    """Who answers is not the server that this gateway knows, or cannot prove it."""


@dataclass(frozen=True, slots=True)
class Pins:
    """The identities we know; none: the first server that proves any is believed."""

    keys: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        """Whether the server is known."""
        return bool(self.keys)

    @classmethod
    def shown(cls, identities: Identities, wanted: str) -> Self:
        """Return pins of what a server shows at enrolment.

        Args:
            identities: its public keys.
            wanted: the fingerprint that came with the code, or an empty text.

        Raises:
            UnprovenServerError: neither identity has this fingerprint.
        """
        fingers = [fingerprint(key) for key in identities]
        if wanted and not any(same_fingerprint(wanted, finger) for finger in fingers):
            raise UnprovenServerError(
                f"the server's fingerprint is {fingers[0]}, the code's is {wanted}: not this server"
            )
        return cls(identities)

    def check(self, proof: Proof, *, challenge: str, nonce: bytes, gateway_id: str) -> "Pins":
        """Return the identities that the server has proved to hold (RFC 8032 §5.1.7).

        Raises:
            UnprovenServerError: a signature is wrong, or we know neither identity.
            DecodeError: keys, signatures or the server's nonce have not their form.
        """
        identities = identities_of(proof)
        words = proof_words(
            challenge=from_base64(challenge, NONCE_BYTES, "challenge"),
            nonce=nonce,
            identities=identities,
            gateway_id=gateway_id,
        )
        for key, signature in zip(identities, proof.signatures, strict=True):
            _verify(key, from_base64(signature, SIGNATURE_BYTES, "signature"), words)
        if self.keys and not set(self.keys) & set(identities):
            raise UnprovenServerError(
                f"another server answers: its fingerprint is {fingerprint(identities[0])},"
                f" ours was {fingerprint(self.keys[0])}"
            )
        return Pins(identities)


NO_PINS: Final = Pins()
"""Of a gateway that was enrolled before servers had identities."""


def _verify(key: bytes, signature: bytes, words: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, words)
    except InvalidSignature:
        raise UnprovenServerError(
            f"the server does not hold the identity {fingerprint(key)} that it shows"
        ) from None
    except ValueError as error:
        raise DecodeError(f"identity: {error}") from error
