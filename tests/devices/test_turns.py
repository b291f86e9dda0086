"""Who gets a slot of the adapter: fair turns, worn devices undisturbed, refusals by name."""

from hypothesis import given
from hypothesis import strategies as st

from devices.turns import HEARD_WITHIN_S, LONGEST_TURN_S, TURN_S, Connect, LetGo, Refuse, Turns
from devices.use import Use


def hear(turns: Turns, now_s: float, **uses: Use) -> None:
    for name, use in uses.items():
        turns.heard(name, use, now_s)


def test_who_is_heard_is_connected_while_there_is_room() -> None:
    turns = Turns(2)
    hear(turns, 0.0, a=Use.WORN)
    assert turns.decide(0.0) == Connect("a")
    turns.took("a", Use.WORN, 0.0)
    assert turns.decide(0.0) is None


def test_nobody_waits_who_was_not_heard_lately() -> None:
    turns = Turns(1)
    hear(turns, 0.0, a=Use.SPOT)
    assert turns.decide(HEARD_WITHIN_S) == Connect("a")
    assert turns.decide(HEARD_WITHIN_S + 0.1) is None


def test_worn_devices_come_before_the_others() -> None:
    turns = Turns(1)
    hear(turns, 0.0, a=Use.SPOT, b=Use.WORN)
    assert turns.decide(0.0) == Connect("b")


def test_who_was_served_longest_ago_comes_first() -> None:
    turns = Turns(1)
    hear(turns, 0.0, a=Use.SPOT, b=Use.SPOT)
    turns.took("a", Use.SPOT, 0.0)
    turns.gave_back("a", 5.0)
    hear(turns, 6.0, a=Use.SPOT, b=Use.SPOT)
    assert turns.decide(6.0) == Connect("b")
    turns.took("b", Use.SPOT, 6.0)
    turns.gave_back("b", 7.0)
    assert turns.decide(7.0) == Connect("a")


def test_a_turn_ends_for_somebody_who_waits_and_not_before_its_time() -> None:
    turns = Turns(1)
    hear(turns, 0.0, a=Use.SPOT)
    turns.took("a", Use.SPOT, 0.0)
    assert turns.decide(TURN_S) is None, "nobody waits"
    hear(turns, TURN_S - 0.1, b=Use.SPOT)
    assert turns.decide(TURN_S - 0.1) is None
    assert turns.decide(TURN_S) == LetGo("a", "b")


def test_a_measurement_that_goes_on_makes_a_turn_longer_but_not_endless() -> None:
    turns = Turns(1)
    hear(turns, 0.0, a=Use.SPOT)
    turns.took("a", Use.SPOT, 0.0)
    for second in range(int(LONGEST_TURN_S)):
        turns.active("a", float(second))
        hear(turns, float(second), b=Use.SPOT)
        assert turns.decide(float(second)) is None
    assert turns.decide(LONGEST_TURN_S) == LetGo("a", "b")


def test_a_worn_device_is_never_sent_away_and_who_waits_is_refused_once_by_name() -> None:
    turns = Turns(1)
    turns.took("a", Use.WORN, 0.0)
    hear(turns, 1_000.0, b=Use.SPOT)
    assert turns.decide(1_000.0) == Refuse(("b",), 1)
    assert turns.decide(1_000.0) is None
    hear(turns, 1_001.0, c=Use.WORN)
    assert turns.decide(1_001.0) == Refuse(("b", "c"), 1)


def test_with_a_spot_check_device_among_the_holders_nobody_is_refused() -> None:
    turns = Turns(2)
    turns.took("a", Use.WORN, 0.0)
    turns.took("b", Use.SPOT, 0.0)
    hear(turns, 1.0, c=Use.SPOT)
    assert turns.decide(1.0) is None


def test_who_could_not_be_connected_rests_and_then_comes_last() -> None:
    turns = Turns(1)
    hear(turns, 0.0, a=Use.WORN, b=Use.SPOT)
    turns.not_before("a", 5.0, failed=True)
    assert turns.decide(4.9) == Connect("b")
    assert turns.decide(5.0) == Connect("b")
    turns.took("b", Use.SPOT, 5.0)
    turns.gave_back("b", 6.0)
    turns.not_before("b", 1_000.0)
    assert turns.decide(6.0) == Connect("a")


def test_a_device_that_worked_again_is_no_longer_last() -> None:
    turns = Turns(1)
    hear(turns, 0.0, a=Use.SPOT, b=Use.SPOT)
    turns.not_before("a", 1.0, failed=True)
    turns.took("a", Use.SPOT, 2.0)
    turns.gave_back("a", 3.0)
    turns.took("b", Use.SPOT, 3.0)
    turns.gave_back("b", 4.0)
    assert turns.decide(4.0) == Connect("a")


def test_who_is_forgotten_waits_no_more() -> None:
    turns = Turns(1)
    hear(turns, 0.0, a=Use.SPOT)
    turns.forget("a")
    turns.forget("never-heard")
    assert turns.decide(0.0) is None


@given(
    devices=st.integers(min_value=2, max_value=12),
    slots=st.integers(min_value=1, max_value=5),
)
def test_every_spot_check_device_gets_its_turn(devices: int, slots: int) -> None:
    turns = Turns(slots)
    names = [f"d{number}" for number in range(devices)]
    held: dict[str, float] = {}
    served: set[str] = set()
    now_s = 0.0
    while now_s < devices * (TURN_S + 2):
        for name in set(names) - held.keys():
            turns.heard(name, Use.SPOT, now_s)
        match turns.decide(now_s):
            case Connect(name):
                assert len(held) < slots
                turns.took(name, Use.SPOT, now_s)
                held[name] = now_s
                served.add(name)
            case LetGo(name, _):
                del held[name]
                turns.gave_back(name, now_s)
        now_s += 0.5
    assert served == set(names)
