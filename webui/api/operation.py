"""The shape of an entry in the tables of operations: what the types of a route cannot say."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value in the path or behind the question mark."""

    name: str
    where: str
    """path or query."""
    words: str
    schema: dict[str, Any]
    example: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path, as a program sees it."""

    name: str
    """Its id in the document, and the name of a client's function."""
    summary: str
    words: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """The type of what is posted; None: nothing is."""
    needs_body: bool = True
    bodies: dict[str, object] = field(default_factory=dict)
    """Examples of what is posted, each under its name."""
    answer: tuple[Any, ...] = ()
    """The types of the answer, one of which it is; empty: any object."""
    status: int = 200
    answers: dict[str, object] = field(default_factory=dict)
    """Examples of the answer."""
    links: dict[str, dict[str, str]] = field(default_factory=dict)
    """What may follow: an operation's name, and its parameters out of the answer."""
    refusals: tuple[int, ...] = ()
    """Statuses beyond those that follow from the session, the body and the server's state."""
