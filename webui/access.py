"""Who may call a route; the relation to a person is then checked by `telehealth.access.scope`."""

from enum import Enum

from telehealth.access.policy import STAFF, Role


class Access(Enum):
    """The rule of one route; `roles` is None where no log-in is asked for."""

    ANYONE = "anyone"
    OWN_PROOF = "own_proof"
    """The caller proves itself in the protocol: a gateway by its key or its one-use code."""
    LOOPBACK = "loopback"
    """Only from the machine itself, and not through a proxy."""
    SIGNED_IN = "signed_in"
    STAFF = "staff"
    DOCTOR = "doctor"
    PATIENT = "patient"
    CARE = "care"
    """Both sides of a consultation: doctors and patients."""
    DESK = "desk"
    """The station's desk: nurses and coordinators."""
    COORDINATOR = "coordinator"
    GLASS = "glass"
    """Those who may break the glass: doctors and nurses."""
    ADMINISTRATOR = "administrator"
    PRIVACY = "privacy"
    STEWARD = "steward"
    """Administrators and privacy officers."""

    @property
    def roles(self) -> frozenset[Role] | None:
        """Which signed-in roles it lets through."""
        return _ROLES.get(self)


_ROLES = {
    Access.SIGNED_IN: frozenset(Role),
    Access.STAFF: STAFF,
    Access.DOCTOR: frozenset({Role.DOCTOR}),
    Access.PATIENT: frozenset({Role.PATIENT}),
    Access.CARE: frozenset({Role.DOCTOR, Role.PATIENT}),
    Access.DESK: frozenset({Role.NURSE, Role.COORDINATOR}),
    Access.COORDINATOR: frozenset({Role.COORDINATOR}),
    Access.GLASS: frozenset({Role.DOCTOR, Role.NURSE}),
    Access.ADMINISTRATOR: frozenset({Role.ADMINISTRATOR}),
    Access.PRIVACY: frozenset({Role.PRIVACY_OFFICER}),
    Access.STEWARD: frozenset({Role.ADMINISTRATOR, Role.PRIVACY_OFFICER}),
}
