"""Who may do what to whom, written down by hand a second time: what the tests expect.

Rows are role and relation, columns the actions: `x` is allowed, `b` may be had by breaking the
glass, a dot is refused. docs/access.md prints it, and a test keeps that true.
"""

from typing import Final

from telehealth.access.policy import Action, Decision, Relation, Role

ACTIONS: Final = (
    Action.SEE_IDENTITY, Action.SEE_VITALS, Action.ENTER_READING, Action.ACT_ON_ALERT,
    Action.CALL, Action.REGISTER,
    Action.MERGE, Action.ASSIGN, Action.LEND_DEVICE, Action.ATTRIBUTE, Action.HAND_OVER_ENTRY,
    Action.GIVE_CONSENT, Action.WITNESS_CONSENT, Action.SEE_READERS, Action.ASK,
    Action.ANSWER_REQUEST, Action.EXPORT,
)  # fmt: skip
TABLE: Final = """
                               identity vitals enter alert call register merge assign lend attribute entry consent witness readers ask answer export
patient          self             x       x     x      .     x     .       .     .     .      .       .      x       .       x     x    .      .
patient          guardian         x       x     x      .     x     .       .     .     .      .       .      x       .       x     x    .      .
patient          carer            x       x     x      .     x     .       .     .     .      .       .      .       .       .     .    .      .
nurse            area             x       x     .      .     .     x       .     x     x      x       x      .       x       .     .    .      .
nurse            glass_broken     x       x     .      .     .     .       .     .     .      .       .      .       .       .     .    .      .
nurse            stranger         b       b     .      .     .     .       .     .     .      .       .      .       .       .     .    .      .
doctor           assigned         x       x     .      x     x     .       .     .     .      .       .      .       .       .     .    .      .
doctor           area             x       x     .      x     x     .       .     .     .      .       .      .       .       .     .    .      .
doctor           glass_broken     x       x     .      x     x     .       .     .     .      .       .      .       .       .     .    .      .
doctor           stranger         b       b     .      b     b     .       .     .     .      .       .      .       .       .     .    .      .
coordinator      area             x       .     .      .     .     x       x     x     x      x       x      .       x       .     .    .      .
supervisor       area             x       .     .      .     .     .       .     .     .      .       .      .       .       .     .    .      .
administrator    area             .       .     .      .     .     .       .     .     x      .       .      .       .       .     .    .      .
privacy_officer  area             x       .     .      .     .     .       .     .     .      .       .      .       .       x     .    x      x
"""  # noqa: E501 - a table

_SAYS: Final = {"x": Decision.ALLOW, "b": Decision.BREAK_GLASS, ".": Decision.DENY}


def _read() -> dict[tuple[Role, Relation, Action], Decision]:
    found = {}
    for line in TABLE.strip().splitlines()[1:]:
        role, how, *cells = line.split()
        for action, cell in zip(ACTIONS, cells, strict=True):
            found[Role(role), Relation(how), action] = _SAYS[cell]
    return found


EXPECTED: Final = _read()


def expected(role: Role, how: Relation, action: Action) -> Decision:
    """Return what the table says; a row that is not there is refused throughout."""
    return EXPECTED.get((role, how, action), Decision.DENY)
