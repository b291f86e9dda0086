"""Who may call a route; the relation to a person is then checked by `telehealth.access.scope`."""

from enum import Enum

from telehealth.access.policy import Role


class Access(Enum):
    """The rule of one route; `roles` is None where no log-in is asked for."""

    ANYONE = "anyone"
    OWN_PROOF = "own_proof"
    """The caller proves itself in the protocol: a gateway by its key or its one-use code."""
    LOOPBACK = "loopback"
    """Only from the machine itself, and not through a proxy."""
    SIGNED_IN = "signed_in"
    DOCTOR = "doctor"
    PATIENT = "patient"
    CARE = "care"
    """Both sides of a consultation: doctors and patients."""
    ADMINISTRATOR = "administrator"

    @property
    def roles(self) -> frozenset[Role] | None:
        """Which signed-in roles it lets through."""
        return _ROLES.get(self)


_ROLES = {
    Access.SIGNED_IN: frozenset(Role),
    Access.DOCTOR: frozenset({Role.DOCTOR}),
    Access.PATIENT: frozenset({Role.PATIENT}),
    Access.CARE: frozenset({Role.DOCTOR, Role.PATIENT}),
    Access.ADMINISTRATOR: frozenset({Role.ADMINISTRATOR}),
}
