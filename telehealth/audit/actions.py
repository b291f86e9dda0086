"""What the audit log can say that somebody did; docs/audit.md shows this table. Pure."""

from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """What sort of act it is."""

    READING = "reading"
    """Data of a person were shown or left the system: that person may know of it."""
    CHANGE = "change"
    """Something about a person was written."""
    ACCESS = "access"
    """Who may come in and see what."""
    OPERATION = "operation"
    """Done to the server as a whole."""


class AuditAction(StrEnum):
    """One kind of entry; a refused one is the same action with the decision `deny`."""

    kind: Kind
    meaning: str

    def __new__(cls, value: str, kind: Kind, meaning: str) -> Self:
        """Make an action that knows its kind and what it means."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.kind = kind
        member.meaning = meaning
        return member

    LIST_SEEN = "list_seen", Kind.READING, "the person stood in a list that was opened"
    VIEW_OPENED = "view_opened", Kind.READING, "the person's page was opened"
    VIEW_CLOSED = "view_closed", Kind.READING, "a live page of the person was closed or cut off"
    SERIES_READ = "series_read", Kind.READING, "the person's readings over a time were fetched"
    SEARCH_FOUND = "search_found", Kind.READING, "the person was found by a search"
    CALL_JOINED = "call_joined", Kind.READING, "somebody entered a call with the person"
    CALL_LEFT = "call_left", Kind.READING, "somebody left a call with the person"
    CONSENTS_READ = "consents_read", Kind.READING, "the person's consents were shown"
    READERS_READ = "readers_read", Kind.READING, "the list of who read the person's data was shown"
    COPY_HANDED_OVER = "copy_handed_over", Kind.READING, "the person's copy was downloaded"
    EXPORTED = "exported", Kind.READING, "data of the person left the system; the basis says why"

    MEASURE_ASKED = "measure_asked", Kind.CHANGE, "the person was asked to measure again"
    ALERT_ACTED_ON = "alert_acted_on", Kind.CHANGE, "an alert was accepted, acted on or closed"
    CALL_STARTED = "call_started", Kind.CHANGE, "a call with the person was asked for"
    CALL_ANSWERED = "call_answered", Kind.CHANGE, "a call was answered or declined"
    PERSON_REGISTERED = "person_registered", Kind.CHANGE, "a person was written down"
    PERSON_CORRECTED = "person_corrected", Kind.CHANGE, "who somebody is was corrected"
    PERSON_RESTRICTED = "person_restricted", Kind.CHANGE, "processing was restricted or freed again"
    PERSON_ERASED = "person_erased", Kind.CHANGE, "a person's personal fields were erased"
    IDENTIFIER_ADDED = "identifier_added", Kind.CHANGE, "a number of the person was written down"
    IDENTIFIER_ENDED = "identifier_ended", Kind.CHANGE, "a number of the person no longer holds"
    PERSONS_MERGED = "persons_merged", Kind.CHANGE, "two records became one"
    MERGE_UNDONE = "merge_undone", Kind.CHANGE, "a merge was taken back"
    PAIR_DECIDED = "pair_decided", Kind.CHANGE, "two alike records were said to be two humans"
    HOUSEHOLD_CHANGED = "household_changed", Kind.CHANGE, "with whom somebody lives was changed"
    PROXY_GRANTED = "proxy_granted", Kind.CHANGE, "a carer or guardian may act for the person"
    PROXY_ENDED = "proxy_ended", Kind.CHANGE, "a carer or guardian may no longer"
    CASE_OPENED = "case_opened", Kind.CHANGE, "a case was opened in a programme"
    CASE_CHANGED = "case_changed", Kind.CHANGE, "a case got another doctor, programme or state"
    DEVICE_LENT = "device_lent", Kind.CHANGE, "a device was lent to the person"
    DEVICE_RETURNED = "device_returned", Kind.CHANGE, "a device came back"
    LIMIT_SET = "limit_set", Kind.CHANGE, "a doctor set a target range or scale 2"
    LIMIT_SIGNED = "limit_signed", Kind.CHANGE, "a second doctor signed a red line"
    LIMIT_ENDED = "limit_ended", Kind.CHANGE, "a doctor's range or scale 2 was ended"
    READING_ENTERED = "reading_entered", Kind.CHANGE, "readings were measured or typed at home"
    READING_ATTRIBUTED = "reading_attributed", Kind.CHANGE, "it was decided whose a reading is"
    CONSENT_GIVEN = "consent_given", Kind.CHANGE, "the person consented to an item"
    CONSENT_WITHDRAWN = "consent_withdrawn", Kind.CHANGE, "a consent was withdrawn"
    REQUEST_MADE = "request_made", Kind.CHANGE, "the person asked for a copy, correction, …"
    REQUEST_ANSWERED = "request_answered", Kind.CHANGE, "a request was answered"

    SIGNED_IN = "signed_in", Kind.ACCESS, "somebody signed in; refused: and was not let in"
    SIGNED_OUT = "signed_out", Kind.ACCESS, "somebody signed out, here or everywhere"
    CONFIRMED = "confirmed", Kind.ACCESS, "somebody proved again who they are"
    ROLE_TAKEN = "role_taken", Kind.ACCESS, "a session acts in another of its account's roles"
    GLASS_BROKEN = "glass_broken", Kind.ACCESS, "emergency access was taken; the basis is its id"
    GLASS_ENDED = "glass_ended", Kind.ACCESS, "emergency access was given back early"
    GLASS_REVIEWED = "glass_reviewed", Kind.ACCESS, "the privacy officer judged an emergency access"
    PASSWORD_CHANGED = "password_changed", Kind.ACCESS, "a password was changed or given anew"
    FACTOR_ADDED = "factor_added", Kind.ACCESS, "a second factor was set up"
    FACTOR_REMOVED = "factor_removed", Kind.ACCESS, "a second factor was taken away"
    RECOVERY_CODES_MADE = "recovery_codes_made", Kind.ACCESS, "new recovery codes were shown"
    ENTRY_CODE_MADE = "entry_code_made", Kind.ACCESS, "a code to enter was made for the person"
    ENTRY_CODE_USED = "entry_code_used", Kind.ACCESS, "a code to enter was used"
    ACCOUNT_MADE = "account_made", Kind.ACCESS, "an account was made"
    ACCOUNT_DISABLED = "account_disabled", Kind.ACCESS, "an account was closed"
    ROLE_GRANTED = "role_granted", Kind.ACCESS, "an account was given a role beneath a place"
    ROLE_ENDED = "role_ended", Kind.ACCESS, "an account lost a role"
    GATEWAY_CODE_MADE = "gateway_code_made", Kind.ACCESS, "a code to enrol a gateway was made"
    GATEWAY_ENROLLED = "gateway_enrolled", Kind.ACCESS, "a gateway enrolled with its key"
    GATEWAY_COMMANDED = "gateway_commanded", Kind.ACCESS, "a gateway was asked to do something"
    GATEWAY_REVOKED = "gateway_revoked", Kind.ACCESS, "a gateway was put out"
    AUDIT_READ = "audit_read", Kind.ACCESS, "somebody looked into this log"
    ROUTE_REFUSED = "route_refused", Kind.ACCESS, "somebody asked for what is not for their role"

    LOG_OPENED = "log_opened", Kind.OPERATION, "a chain begins; the target names the ends it found"
    SERVER_INITIALISED = "server_initialised", Kind.OPERATION, "keys and settings were first made"
    DATABASE_MIGRATED = "database_migrated", Kind.OPERATION, "the schema was changed"
    PROGRAMME_CHANGED = "programme_changed", Kind.OPERATION, "a programme was made or changed"
    PLACES_IMPORTED = "places_imported", Kind.OPERATION, "places were read from a file"
    KEY_ROTATED = "key_rotated", Kind.OPERATION, "a new key was made, or an old one taken away"
    KEYS_EXPORTED = "keys_exported", Kind.OPERATION, "keys were handed to custodians"
    BACKUP_MADE = "backup_made", Kind.OPERATION, "the database was copied"
    BACKUP_RESTORED = "backup_restored", Kind.OPERATION, "the database came from a copy"
    RETENTION_CHANGED = "retention_changed", Kind.OPERATION, "how long something is kept changed"
    RETENTION_RUN = "retention_run", Kind.OPERATION, "what was old enough was deleted"


READINGS = frozenset(action for action in AuditAction if action.kind is Kind.READING)
"""What a person is told of when they ask who has read their data."""
