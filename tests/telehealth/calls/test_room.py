"""The room as its specification: who enters, what reaches whom, what a lost socket may not lose."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import signalling as wire
from telehealth.calls.room import (
    GRACE_S,
    Close,
    Effect,
    Heard,
    Lost,
    Moved,
    NotInRoomError,
    Record,
    Room,
    Send,
    Tick,
)
from telehealth.calls.seat import BURST, KEPT_CHARS, KEPT_MESSAGES, PER_SECOND, Member
from telehealth.calls.states import Action, CallState, Party

DOCTOR = Member("doctor", Party.DOCTOR, "BS. Lan")
PERSON = Member("person", Party.PATIENT, "Bà Hoa")
CARER = Member("carer", Party.PATIENT, "Anh Minh")
SDP = "v=0\r\n"


@dataclass
class Page:
    """A page of a member: speaks in order, remembers what it was told, comes back after a cut."""

    hall: "Hall"
    member: Member
    client: str
    connection: int
    seq: int = 0
    seen: int = 0
    got: list[wire.FromServer] = field(default_factory=list)
    closed: bool = False

    def say(self, message: wire.FromBrowser) -> None:
        self.hall.receive(Heard(self.member.account_id, self.connection, message, self.hall.at_s))

    def join(self) -> None:
        self.say(wire.Join(self.client, self.seen))

    def tell(self, kind: type[wire.Said], *args: object, **named: object) -> None:
        self.seq += 1
        self.say(kind(self.seq, *args, **named))  # type: ignore[arg-type]

    def lose(self) -> None:
        self.hall.receive(Lost(self.connection, self.hall.at_s))

    def back(self) -> None:
        self.hall.connect(self)
        self.join()

    def take(self, message: wire.FromServer) -> None:
        self.got.append(message)
        if isinstance(message, wire.Joined) and not message.resumed:
            self.seen = 0
        seq = getattr(message, "seq", None)
        if seq is not None and not isinstance(message, wire.Joined):
            assert seq == self.seen + 1, "numbers are contiguous"
            self.seen = seq

    def of(self, kind: type[wire.FromServer]) -> list[wire.FromServer]:
        return [message for message in self.got if isinstance(message, kind)]


class Hall:
    """A room with its connections, driven by hand."""

    def __init__(
        self, state: str = "accepted", members: Sequence[Member] = (DOCTOR, PERSON)
    ) -> None:
        self.room = Room(members, CallState(state))
        self.at_s = 1_000.0
        self.pages: dict[int, Page] = {}
        self.records: list[Record] = []

    def page(self, member: Member, client: str = "", *, ready: bool = True) -> Page:
        page = Page(self, member, client or f"{member.account_id}-page-1", 0)
        self.connect(page)
        page.join()
        if ready:
            page.tell(wire.Ready)
        return page

    def connect(self, page: Page) -> None:
        page.connection = len(self.pages) + 1
        page.closed = False
        self.pages[page.connection] = page

    def receive(self, event: Heard | Lost | Moved | Tick) -> list[Effect]:
        effects = self.room.receive(event)
        for effect in effects:
            match effect:
                case Send(connection, message):
                    assert not self.pages[connection].closed or isinstance(message, wire.Failure)
                    if self.pages[connection].connection == connection:
                        self.pages[connection].take(message)
                case Close(connection):
                    self.pages[connection].closed = True
                case Record():
                    self.records.append(effect)
        return effects

    def pass_time(self, seconds: float) -> None:
        self.at_s += seconds
        self.receive(Tick(self.at_s))

    @property
    def moves(self) -> list[str]:
        return [record.action.value for record in self.records]


def both(state: str = "accepted") -> tuple[Hall, Page, Page]:
    hall = Hall(state)
    return hall, hall.page(DOCTOR), hall.page(PERSON)


def test_a_stranger_is_refused() -> None:
    with pytest.raises(NotInRoomError):
        Hall().room.receive(Heard("stranger", 1, wire.Join("stranger-page"), 0.0))


def test_an_offer_before_join_closes_the_connection() -> None:
    hall = Hall()
    page = Page(hall, DOCTOR, "doctor-page-1", 0)
    hall.connect(page)
    page.tell(wire.Offer, SDP)
    assert page.got == [wire.Failure("not_joined", "join first", fatal=True)]
    assert page.closed


def test_the_first_join_is_told_its_role_and_an_empty_room() -> None:
    doctor = Hall("offered").page(DOCTOR, ready=False)
    assert doctor.got == [wire.Joined("doctor", "doctor", False, "offered", False)]


def test_the_doctor_makes_offers_and_the_person_is_the_polite_one() -> None:
    _, doctor, person = both()
    first = [page.of(wire.Joined)[0] for page in (doctor, person)]
    assert [joined.polite for joined in first if isinstance(joined, wire.Joined)] == [False, True]


def test_pages_hear_of_each_other_when_both_are_ready() -> None:
    hall = Hall()
    doctor = hall.page(DOCTOR)
    assert not doctor.of(wire.PeerJoined)
    person = hall.page(PERSON, ready=False)
    assert not doctor.of(wire.PeerJoined)
    person.tell(wire.Ready, microphone=True, camera=False)
    there = wire.Peer("person", "person-page-1", "patient", "Bà Hoa", camera=False)
    here = wire.Peer("doctor", "doctor-page-1", "doctor", "BS. Lan")
    assert doctor.of(wire.PeerJoined) == [wire.PeerJoined(1, there)]
    assert person.of(wire.PeerJoined) == [wire.PeerJoined(1, here)]
    assert hall.moves == ["connect"]
    assert hall.room.state is CallState.IN_SESSION


def test_joining_twice_is_joining_once() -> None:
    hall, doctor, person = both()
    before, moves = list(person.got), list(hall.moves)
    doctor.join()
    doctor.join()
    assert person.got == before
    assert hall.moves == moves
    last = doctor.got[-1]
    assert isinstance(last, wire.Joined)
    assert last.resumed
    assert [peer.peer for peer in last.peers] == ["person"]


def test_being_ready_twice_is_being_ready_once() -> None:
    hall, doctor, person = both()
    before = list(person.got)
    doctor.tell(wire.Ready)
    assert person.got == before
    assert hall.moves == ["connect"]


@pytest.mark.parametrize("state", ["requested", "offered"])
def test_while_it_rings_nothing_reaches_the_other_side(state: str) -> None:
    hall, doctor, person = both(state)
    doctor.tell(wire.Offer, SDP)
    doctor.tell(wire.Media, microphone=False, camera=False)
    assert [type(m) for m in person.got] == [wire.Joined]
    assert hall.moves == []


def test_an_answered_call_brings_those_who_wait_together() -> None:
    hall, doctor, person = both("offered")
    hall.receive(Moved(CallState.ACCEPTED, "person"))
    for page, other in ((doctor, "person"), (person, "doctor")):
        states = [m.state for m in page.of(wire.State) if isinstance(m, wire.State)]
        assert states == ["accepted", "in_session"]
        assert [m.peer.peer for m in page.got if isinstance(m, wire.PeerJoined)] == [other]
    assert hall.moves == ["connect"]


def test_descriptions_candidates_and_switches_pass_with_the_name_of_who_said_them() -> None:
    _, doctor, person = both()
    doctor.say(wire.Offer(2, SDP, "person"))
    doctor.seq = 2
    person.tell(wire.Answer, SDP)
    doctor.tell(wire.IceCandidate, "candidate:1", "0", 0)
    doctor.tell(wire.IceCandidate)
    doctor.tell(wire.Media, microphone=False, camera=True)
    assert person.got[-4:] == [
        wire.Offer(3, SDP, "doctor"),
        wire.IceCandidate(4, "candidate:1", "0", 0, peer="doctor"),
        wire.IceCandidate(5, peer="doctor"),
        wire.Media(6, microphone=False, camera=True, peer="doctor"),
    ]
    assert doctor.got[-1] == wire.Answer(3, SDP, "person")


def test_a_switched_camera_is_known_to_who_comes_later() -> None:
    hall = Hall()
    doctor = hall.page(DOCTOR)
    doctor.tell(wire.Media, microphone=True, camera=False)
    person = hall.page(PERSON)
    joined = person.of(wire.PeerJoined)[0]
    assert isinstance(joined, wire.PeerJoined)
    assert joined.peer.camera is False


def test_an_offer_before_ready_is_refused_and_the_page_may_go_on() -> None:
    hall = Hall()
    person = hall.page(PERSON)
    doctor = hall.page(DOCTOR, ready=False)
    doctor.tell(wire.Offer, SDP)
    assert doctor.got[-1] == wire.Failure("not_ready", "offer too early", fatal=False)
    assert not person.of(wire.Offer)
    doctor.tell(wire.Ready)
    assert person.of(wire.PeerJoined)


def test_a_number_that_came_already_is_not_taken_twice() -> None:
    _, doctor, person = both()
    doctor.say(wire.Offer(2, SDP))
    doctor.say(wire.Offer(2, SDP))
    assert len(person.of(wire.Offer)) == 1


def test_a_number_out_of_turn_closes_so_that_the_page_resumes() -> None:
    _, doctor, person = both()
    doctor.say(wire.Offer(3, SDP))
    assert doctor.got[-1] == wire.Failure("out_of_turn", "expected 2, got 3", fatal=True)
    assert doctor.closed
    assert not person.of(wire.Offer)


def test_a_lost_socket_loses_nothing_of_what_the_others_say() -> None:
    hall, doctor, person = both()
    person.lose()
    doctor.tell(wire.Offer, SDP)
    doctor.tell(wire.IceCandidate, "candidate:1")
    hall.pass_time(GRACE_S - 1)
    person.back()
    assert [m.seq for m in person.got[-2:] if not isinstance(m, wire.VitalsNow | wire.Failure)]
    assert person.got[-2:] == [
        wire.Offer(3, SDP, "doctor"),
        wire.IceCandidate(4, "candidate:1", peer="doctor"),
    ]
    assert not doctor.of(wire.PeerLeft)
    assert hall.moves == ["connect"]


def test_a_frame_that_was_lost_with_the_socket_is_sent_again() -> None:
    """Sent by the server, never seen by the page: the page asks from the last it saw."""
    _, doctor, person = both()
    doctor.tell(wire.Offer, SDP)
    missed = person.got.pop()
    person.seen -= 1
    person.lose()
    person.back()
    assert person.got[-1] == missed


def test_a_page_learns_how_far_the_server_heard_it() -> None:
    _, doctor, person = both()
    doctor.tell(wire.Offer, SDP)
    doctor.lose()
    doctor.back()
    joined = doctor.of(wire.Joined)[-1]
    assert isinstance(joined, wire.Joined)
    assert (joined.resumed, joined.received) == (True, 2)
    doctor.say(wire.Offer(2, SDP))
    doctor.tell(wire.Media, microphone=True, camera=False)
    assert [type(m) for m in person.got[-2:]] == [wire.Offer, wire.Media]


def test_both_sockets_lost_at_once_lose_nothing_either() -> None:
    hall, doctor, person = both()
    doctor.tell(wire.Offer, SDP)
    doctor.lose()
    person.lose()
    hall.pass_time(GRACE_S - 1)
    person.back()
    person.tell(wire.Answer, SDP)
    doctor.back()
    assert doctor.got[-1] == wire.Answer(3, SDP, "person")
    assert hall.moves == ["connect"]


@pytest.mark.parametrize(("away_s", "told"), [(GRACE_S - 0.001, False), (GRACE_S, True)])
def test_the_other_side_is_told_after_the_grace_and_not_before(away_s: float, told: bool) -> None:
    hall, doctor, person = both()
    person.lose()
    hall.pass_time(away_s)
    assert bool(doctor.of(wire.PeerLeft)) is told
    assert hall.moves == (["connect", "interrupt"] if told else ["connect"])
    if told:
        assert wire.PeerLeft(3, "person", "lost") in doctor.got


def test_the_same_page_coming_back_after_the_grace_goes_on_with_the_same_client() -> None:
    hall, doctor, person = both()
    person.lose()
    hall.pass_time(GRACE_S)
    person.back()
    returned = doctor.of(wire.PeerJoined)[-1]
    assert isinstance(returned, wire.PeerJoined)
    assert returned.peer.client == "person-page-1"
    assert hall.moves == ["connect", "interrupt", "connect"]


def test_a_reloaded_page_takes_over_and_the_others_connect_anew() -> None:
    hall, doctor, person = both()
    fresh = hall.page(PERSON, "person-page-2", ready=False)
    assert person.got[-1] == wire.Failure("replaced", "taken over", fatal=True)
    assert person.closed
    assert [m for m in doctor.got if isinstance(m, wire.PeerLeft)] == [
        wire.PeerLeft(3, "person", "left")
    ]
    fresh.tell(wire.Ready)
    joined = doctor.of(wire.PeerJoined)[-1]
    assert isinstance(joined, wire.PeerJoined)
    assert joined.peer.client == "person-page-2"
    assert hall.moves == ["connect", "interrupt", "connect"]
    hall.receive(Lost(person.connection, hall.at_s))
    hall.pass_time(GRACE_S)
    assert hall.moves == ["connect", "interrupt", "connect"], "the old socket's end says nothing"


def test_another_one_of_the_household_takes_the_seat_and_sees_nothing_of_before() -> None:
    hall = Hall(members=(DOCTOR, PERSON, CARER))
    doctor, person = hall.page(DOCTOR), hall.page(PERSON)
    doctor.tell(wire.Offer, SDP)
    carer = hall.page(CARER, "person-page-1", ready=False)
    assert person.closed
    assert [type(m) for m in carer.got] == [wire.Joined]
    carer.tell(wire.Ready)
    joined = doctor.of(wire.PeerJoined)[-1]
    assert isinstance(joined, wire.PeerJoined)
    assert joined.peer.peer == "carer"


def test_who_missed_more_than_is_kept_starts_anew_with_the_same_connection() -> None:
    hall, doctor, person = both()
    person.lose()
    for _ in range(KEPT_MESSAGES + 1):
        doctor.tell(wire.IceCandidate, "candidate:1")
        hall.at_s += 1 / PER_SECOND
    person.back()
    joined = person.of(wire.Joined)[-1]
    assert isinstance(joined, wire.Joined)
    assert (joined.resumed, joined.seq, joined.received) == (False, 0, 0)
    person.seq = 0
    person.tell(wire.Ready)
    again = doctor.of(wire.PeerJoined)[-1]
    assert isinstance(again, wire.PeerJoined)
    assert again.peer.client == "person-page-1"
    assert not doctor.of(wire.PeerLeft)


def test_who_missed_exactly_what_is_kept_resumes() -> None:
    hall, doctor, person = both()
    person.lose()
    for _ in range(KEPT_MESSAGES):
        doctor.tell(wire.IceCandidate, "candidate:1")
        hall.at_s += 1 / PER_SECOND
    person.back()
    assert len(person.of(wire.IceCandidate)) == KEPT_MESSAGES


def test_what_is_kept_is_bounded_in_characters_too() -> None:
    _hall, doctor, person = both()
    person.lose()
    large = SDP + "a" * (wire.MAX_SDP_CHARS - len(SDP))
    for _ in range(KEPT_CHARS // wire.MAX_SDP_CHARS + 2):
        doctor.tell(wire.Offer, large)
    person.back()
    joined = person.of(wire.Joined)[-1]
    assert isinstance(joined, wire.Joined)
    assert joined.resumed is False


def test_a_number_the_server_never_gave_is_no_place_to_resume_from() -> None:
    _, doctor, _ = both()
    doctor.say(wire.Join(doctor.client, 99))
    joined = doctor.of(wire.Joined)[-1]
    assert isinstance(joined, wire.Joined)
    assert joined.resumed is False


@pytest.mark.parametrize("who", ["doctor", "person"])
def test_hanging_up_ends_the_call_for_both(who: str) -> None:
    hall, doctor, person = both()
    (doctor if who == "doctor" else person).tell(wire.HangUp)
    for page in (doctor, person):
        ended = page.got[-1]
        assert isinstance(ended, wire.Ended)
        assert (ended.state, ended.by) == ("concluded", who)
        assert page.closed
    party = Party.DOCTOR if who == "doctor" else Party.PATIENT
    assert hall.records[-1] == Record(Action.HANG_UP, party, who)
    assert hall.room.empty


@pytest.mark.parametrize(
    ("state", "who", "action", "after"),
    [
        ("requested", PERSON, "cancel", "cancelled"),
        ("offered", DOCTOR, "cancel", "cancelled"),
        ("offered", PERSON, "decline", "declined"),
        ("interrupted", PERSON, "hang_up", "concluded"),
    ],
)
def test_hanging_up_means_what_it_can_mean_in_each_state(
    state: str, who: Member, action: str, after: str
) -> None:
    hall = Hall(state)
    hall.page(who).tell(wire.HangUp)
    assert hall.moves == [action]
    assert hall.room.state == after


def test_a_call_that_rings_out_ends_for_who_waits() -> None:
    hall = Hall("offered")
    doctor = hall.page(DOCTOR)
    hall.receive(Moved(CallState.NO_SHOW))
    assert doctor.got[-1] == wire.Ended(1, "no_show", None)
    assert doctor.closed
    assert hall.records == [], "the book knows it already"


def test_a_page_that_was_away_when_the_call_ended_is_told_so() -> None:
    _hall, doctor, person = both()
    person.lose()
    doctor.tell(wire.HangUp)
    person.back()
    assert person.got[-1] == wire.Failure("ended", "the call is concluded", fatal=True)


@pytest.mark.parametrize("late", ["requested", "offered", "accepted", "interrupted"])
def test_late_news_does_not_turn_a_session_back(late: str) -> None:
    hall, _, _ = both()
    assert hall.receive(Moved(CallState(late))) == []
    assert hall.room.state is CallState.IN_SESSION


def test_late_news_does_not_open_what_is_over() -> None:
    hall, doctor, _ = both()
    doctor.tell(wire.HangUp)
    assert hall.receive(Moved(CallState.ACCEPTED)) == []


def test_a_new_server_interrupts_a_session_until_both_are_back() -> None:
    hall = Hall("in_session")
    assert hall.room.interrupt() == [Record(Action.INTERRUPT, Party.ENGINE, None)]
    hall.page(DOCTOR)
    assert hall.room.state is CallState.INTERRUPTED
    hall.page(PERSON)
    assert hall.room.state.value == "in_session"


def test_a_room_is_kept_while_somebody_may_come_back_and_no_longer() -> None:
    hall, doctor, person = both()
    assert not hall.room.empty
    doctor.lose()
    person.lose()
    hall.pass_time(GRACE_S - 1)
    assert not hall.room.empty
    hall.pass_time(1)
    assert hall.room.empty


@pytest.mark.asvs("2.4.1", "15.2.2", "17.3.1")
def test_a_page_that_never_stops_talking_is_let_go() -> None:
    _, doctor, person = both()
    for _ in range(BURST - 2):
        doctor.tell(wire.IceCandidate, "candidate:1")
    assert not doctor.closed
    doctor.tell(wire.IceCandidate, "candidate:1")
    assert doctor.closed
    failure = doctor.got[-1]
    assert isinstance(failure, wire.Failure)
    assert failure.code == "too_fast"
    assert not person.closed


@pytest.mark.asvs("17.3.1")
def test_a_page_that_talks_at_the_allowed_pace_is_not() -> None:
    hall, doctor, _ = both()
    for _ in range(2 * BURST):
        hall.at_s += 1 / PER_SECOND
        doctor.tell(wire.IceCandidate, "candidate:1")
    assert not doctor.closed


_STEPS = st.lists(
    st.tuples(st.sampled_from(["say", "lose", "back", "wait", "miss"]), st.booleans()), max_size=60
)


@settings(max_examples=80)
@given(_STEPS)
def test_whatever_is_cut_each_side_hears_everything_once_and_in_order(
    steps: list[tuple[str, bool]],
) -> None:
    """Any run of words, losses, frames that never arrived and returns within the grace."""
    hall, doctor, person = both()
    said: dict[str, list[str]] = {"doctor": [], "person": []}
    connected = {"doctor": True, "person": True}

    def back(page: Page) -> None:
        page.back()
        connected[page.member.account_id] = True

    for step, is_doctor in steps:
        page = doctor if is_doctor else person
        name = page.member.account_id
        if step == "say" and connected[name]:
            said[name].append(f"candidate:{len(said[name])}")
            page.tell(wire.IceCandidate, said[name][-1])
        elif step == "lose" and connected[name]:
            page.lose()
            connected[name] = False
        elif step == "miss" and connected[name] and isinstance(page.got[-1], wire.IceCandidate):
            page.got.pop()
            page.seen -= 1
            page.lose()
            connected[name] = False
        elif step == "back" and not connected[name]:
            back(page)
        elif step == "wait":
            hall.pass_time(0.1)
    for page in (doctor, person):
        if not connected[page.member.account_id]:
            back(page)
    for page, other in ((doctor, "person"), (person, "doctor")):
        heard = [m.candidate for m in page.got if isinstance(m, wire.IceCandidate)]
        assert heard == said[other]
    assert hall.moves == ["connect"]
