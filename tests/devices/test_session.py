"""The gateway's half of the conversation: message in, effects out, no socket."""

import base64

import pytest

from devices.parcels import Frame
from devices.pins import NO_PINS, Pins, UnprovenServerError
from devices.session import (
    Committed,
    Configure,
    Pin,
    ProtocolError,
    Refused,
    RenewEpoch,
    RevokedError,
    Rewind,
    Say,
    ServerTime,
    Session,
    State,
)
from protocols.uplink import (
    Ack,
    Challenge,
    Failure,
    FromServer,
    Proof,
    Refusal,
    Resume,
    StreamEpoch,
    StreamName,
    Welcome,
)
from tests.devices.given import NOON_MS, ServerKeys

CHALLENGE = Challenge(base64.b64encode(b"c" * 32).decode(), NOON_MS)
NONCE = b"n" * 32


def session(*, live: int = 10, backlog: int = 20, window: int = 8, pins: Pins = NO_PINS) -> Session:
    return Session(
        "gw-1",
        lambda nonce: f"signed-{nonce}" + "=" * 40,
        epochs={"live": "epoch-live", "backlog": "epoch-backlog"},
        highest={"live": live, "backlog": backlog},
        clock_synchronised=False,
        pins=pins,
        nonce=NONCE,
        window=window,
    )


def welcomed(*, live: int = 10, backlog: int = 20, window: int = 8) -> Session:
    one = session(window=window)
    one.receive(CHALLENGE, monotonic_ms=1000)
    one.receive(Welcome({"live": live, "backlog": backlog}, NOON_MS), monotonic_ms=1200)
    return one


def sent(stream: StreamName, *seqs: int) -> list[Frame]:
    return [Frame(stream, seq, b"") for seq in seqs]


def test_a_challenge_is_answered_with_a_signed_hello() -> None:
    one = session()
    (effect,) = one.receive(CHALLENGE, monotonic_ms=1000)
    assert isinstance(effect, Say)
    assert effect.message.gateway == "gw-1"
    assert effect.message.signature == f"signed-{CHALLENGE.nonce}" + "=" * 40
    assert effect.message.streams == [
        StreamEpoch("live", "epoch-live"),
        StreamEpoch("backlog", "epoch-backlog"),
    ]
    assert effect.message.clock_synchronised is False
    assert one.room == 0


def test_a_welcome_dates_configures_and_opens_the_window() -> None:
    one = session()
    one.receive(CHALLENGE, monotonic_ms=1000)
    effects = one.receive(
        Welcome({"live": 9, "backlog": 20}, NOON_MS, 91.0, 30.0), monotonic_ms=1400
    )
    assert effects == [
        ServerTime(NOON_MS, 1200),
        Configure(91.0, 30.0),
        Rewind("live", 9),
        Committed("live", 9),
        Rewind("backlog", 20),
        Committed("backlog", 20),
    ]
    assert one.state is State.STREAMING
    assert one.sent == {"live": 9, "backlog": 20}
    assert one.room == 8


def test_a_stream_the_server_has_never_seen_begins_at_one() -> None:
    one = session()
    one.receive(CHALLENGE, monotonic_ms=0)
    one.receive(Welcome({}, NOON_MS), monotonic_ms=0)
    assert one.sent == {"live": 0, "backlog": 0}


@pytest.mark.parametrize(("acked", "renewed"), [(10, False), (11, True)])
def test_a_server_that_holds_what_was_never_numbered_makes_a_new_epoch(
    acked: int, renewed: bool
) -> None:
    one = session(live=10)
    one.receive(CHALLENGE, monotonic_ms=0)
    effects = one.receive(Welcome({"live": acked}, NOON_MS), monotonic_ms=0)
    assert (RenewEpoch("live") in effects) is renewed
    assert (one.room == 0) is renewed


def test_the_window_counts_what_is_under_way() -> None:
    one = welcomed(window=8)
    one.frames_sent(sent("live", 11, 12, 13))
    one.frames_sent(sent("backlog", 21, 22))
    assert (one.in_flight, one.room) == (5, 3)
    one.receive(Ack("live", 12), monotonic_ms=0)
    assert (one.in_flight, one.room) == (3, 5)
    one.frames_sent(sent("live", 14, 15, 16, 17, 18))
    assert one.room == 0


def test_a_quarter_of_the_window_is_never_the_backlogs() -> None:
    one = welcomed(window=8)
    assert one.backlog_room == 6
    one.frames_sent(sent("backlog", 21, 22, 23, 24, 25, 26))
    assert (one.room, one.backlog_room) == (2, 0)


def test_an_ack_says_what_is_committed_and_what_was_refused() -> None:
    one = welcomed()
    one.frames_sent(sent("live", 11))
    refusal = Refusal(11, "samples[3]", "above 100")
    assert one.receive(Ack("live", 11, [refusal]), monotonic_ms=0) == [
        Committed("live", 11, [refusal])
    ]


def test_an_ack_of_what_was_never_numbered_breaks_the_protocol() -> None:
    one = welcomed()
    one.frames_sent(sent("live", 11))
    with pytest.raises(ProtocolError, match="12"):
        one.receive(Ack("live", 12), monotonic_ms=0)


def test_an_older_ack_takes_nothing_back() -> None:
    one = welcomed()
    one.frames_sent(sent("live", 11, 12))
    one.receive(Ack("live", 12), monotonic_ms=0)
    one.receive(Ack("live", 11), monotonic_ms=0)
    assert one.acked["live"] == 12


def test_a_resume_goes_back_once_and_passes_over_its_echoes() -> None:
    one = welcomed()
    one.frames_sent(sent("live", 11, 12, 13))
    assert one.receive(Resume("live", 10), monotonic_ms=0) == [Rewind("live", 10)]
    assert (one.sent["live"], one.rewinds) == (10, 1)
    one.frames_sent(sent("live", 11, 12, 13))
    assert one.receive(Resume("live", 10), monotonic_ms=0) == []
    assert one.receive(Resume("live", 10), monotonic_ms=0) == []
    assert one.receive(Resume("live", 10), monotonic_ms=0) == [Rewind("live", 10)]


def test_a_resume_below_what_was_acknowledged_goes_back_all_the_way() -> None:
    one = welcomed()
    one.frames_sent(sent("live", 11))
    one.receive(Ack("live", 11), monotonic_ms=0)
    assert one.receive(Resume("live", 4), monotonic_ms=0) == [Rewind("live", 4)]
    assert one.sent["live"] == one.acked["live"] == 4


def test_a_resume_beyond_what_was_numbered_breaks_the_protocol() -> None:
    with pytest.raises(ProtocolError):
        welcomed().receive(Resume("live", 11), monotonic_ms=0)


@pytest.mark.parametrize("state", ["challenge", "welcome", "streaming"])
def test_revoked_is_the_end_in_every_state(state: str) -> None:
    one = {"challenge": session, "welcome": session, "streaming": welcomed}[state]()
    if state == "welcome":
        one.receive(CHALLENGE, monotonic_ms=0)
    with pytest.raises(RevokedError, match="gw-1"):
        one.receive(Failure("revoked", "gone"), monotonic_ms=0)


def test_another_refusal_says_when_to_come_back() -> None:
    assert session().receive(Failure("busy", "later", 30.0), monotonic_ms=0) == [
        Refused("busy", "later", 30.0)
    ]


@pytest.mark.parametrize(
    "message",
    [Welcome({}, NOON_MS), Ack("live", 1), Resume("live", 1), Challenge("n" * 44, NOON_MS, 2)],
)
def test_what_has_no_place_before_the_hello_breaks_the_protocol(message: FromServer) -> None:
    with pytest.raises(ProtocolError):
        session().receive(message, monotonic_ms=0)


@pytest.mark.parametrize("message", [CHALLENGE, Welcome({}, NOON_MS)])
def test_a_second_greeting_breaks_the_protocol(message: FromServer) -> None:
    with pytest.raises(ProtocolError):
        welcomed().receive(message, monotonic_ms=0)


def proof_of(keys: ServerKeys, *, gateway_id: str = "gw-1", nonce: bytes = NONCE) -> Proof:
    return keys.prove(challenge=b"c" * 32, nonce=nonce, gateway_id=gateway_id)


def test_a_hello_carries_a_nonce_for_the_server_to_sign() -> None:
    (say,) = session().receive(CHALLENGE, monotonic_ms=0)
    assert isinstance(say, Say)
    assert say.message.nonce == base64.b64encode(NONCE).decode()


def test_a_known_server_that_proves_itself_is_welcome_and_nothing_changes() -> None:
    keys = ServerKeys()
    one = session(pins=keys.pins)
    one.receive(CHALLENGE, monotonic_ms=0)
    assert one.receive(proof_of(keys), monotonic_ms=0) == []
    one.receive(Welcome({}, NOON_MS), monotonic_ms=0)
    assert one.state is State.STREAMING


def test_a_rotated_server_is_known_by_the_key_that_came_next_and_its_newest_is_learnt() -> None:
    keys = ServerKeys()
    one = session(pins=keys.pins)
    one.receive(CHALLENGE, monotonic_ms=0)
    rotated = keys.rotated()
    assert one.receive(proof_of(rotated), monotonic_ms=0) == [Pin(rotated.pins)]


def test_a_gateway_without_pins_believes_the_first_server_that_proves_any() -> None:
    keys = ServerKeys()
    one = session()
    one.receive(CHALLENGE, monotonic_ms=0)
    assert one.receive(proof_of(keys), monotonic_ms=0) == [Pin(keys.pins)]


@pytest.mark.parametrize("known", [True, False])
def test_a_server_that_proves_nothing_is_refused_by_who_knows_it_and_taken_by_who_does_not(
    known: bool,
) -> None:
    one = session(pins=ServerKeys().pins if known else NO_PINS)
    one.receive(CHALLENGE, monotonic_ms=0)
    if known:
        with pytest.raises(UnprovenServerError, match="no proof"):
            one.receive(Welcome({}, NOON_MS), monotonic_ms=0)
    else:
        one.receive(Welcome({}, NOON_MS), monotonic_ms=0)
        assert one.state is State.STREAMING


def test_another_server_is_refused_however_well_it_proves_itself() -> None:
    one = session(pins=ServerKeys().pins)
    one.receive(CHALLENGE, monotonic_ms=0)
    with pytest.raises(UnprovenServerError, match="another server"):
        one.receive(proof_of(ServerKeys()), monotonic_ms=0)


@pytest.mark.parametrize("code", ["revoked", "unavailable", "not_allowed"])
@pytest.mark.parametrize("before_hello", [True, False])
def test_who_has_not_proved_itself_cannot_send_the_gateway_away(
    code: str, before_hello: bool
) -> None:
    one = session(pins=ServerKeys().pins)
    if not before_hello:
        one.receive(CHALLENGE, monotonic_ms=0)
    with pytest.raises(UnprovenServerError, match=code):
        one.receive(Failure(code, "go away", 3600.0), monotonic_ms=0)


def test_the_known_servers_refusal_is_believed_after_its_proof() -> None:
    keys = ServerKeys()
    one = session(pins=keys.pins)
    one.receive(CHALLENGE, monotonic_ms=0)
    one.receive(proof_of(keys), monotonic_ms=0)
    with pytest.raises(RevokedError):
        one.receive(Failure("revoked", "gone"), monotonic_ms=0)


def test_a_second_proof_breaks_the_protocol() -> None:
    keys = ServerKeys()
    one = session(pins=keys.pins)
    one.receive(CHALLENGE, monotonic_ms=0)
    one.receive(proof_of(keys), monotonic_ms=0)
    with pytest.raises(ProtocolError):
        one.receive(proof_of(keys), monotonic_ms=0)
