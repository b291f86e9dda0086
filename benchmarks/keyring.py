"""The keys of a benchmark's databases: made for one run, handed to its servers, worth nothing."""

import os
from typing import Final

from telehealth.keys import Keyring
from telehealth.vault import Vault

_VARIABLE: Final = "TELEHEALTH_KEYRING"


def hand_over() -> None:
    """Put a keyring into the environment, for this process and the servers that it starts."""
    os.environ.setdefault(_VARIABLE, Keyring.new(0).to_json())


def vault() -> Vault:
    """Return the run's keys."""
    hand_over()
    return Vault(Keyring.from_json(os.environ[_VARIABLE]))
