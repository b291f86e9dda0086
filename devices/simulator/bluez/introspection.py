"""What an object tells of itself, so that `busctl tree` and `introspect` show the stand-in.

Source: D-Bus Specification 0.43, "Introspection Data Format".
"""

from collections.abc import Mapping
from typing import Protocol

from dbus_fast import ArgDirection, PropertyAccess, SignatureTree, Variant
from dbus_fast import introspection as intr


class Called(Protocol):
    """A method's signatures."""

    @property
    def takes(self) -> str: ...
    @property
    def gives(self) -> str: ...


class Shown(Protocol):
    """An interface, as far as it is told of."""

    @property
    def name(self) -> str: ...
    @property
    def methods(self) -> Mapping[str, Called]: ...
    @property
    def properties(self) -> Mapping[str, Variant]: ...


def introspection(path: str, objects: Mapping[str, Mapping[str, Shown]]) -> str:
    """Return the XML of one path: its interfaces, and the nodes below it."""
    below = path.rstrip("/") + "/"
    children = {one.removeprefix(below).split("/")[0] for one in objects if one.startswith(below)}
    node = intr.Node(path, [_interface(shown) for shown in objects.get(path, {}).values()])
    node.nodes = [intr.Node(child, is_root=False) for child in sorted(children)]
    return node.tostring()


def _interface(shown: Shown) -> intr.Interface:
    methods = [
        intr.Method(
            name,
            _arguments(called.takes, ArgDirection.IN),
            _arguments(called.gives, ArgDirection.OUT),
        )
        for name, called in shown.methods.items()
    ]
    properties = [
        intr.Property(name, value.signature, PropertyAccess.READ)
        for name, value in shown.properties.items()
    ]
    return intr.Interface(shown.name, methods, properties=properties)


def _arguments(signature: str, direction: ArgDirection) -> list[intr.Arg]:
    return [intr.Arg(one.signature, direction) for one in SignatureTree(signature).types]
