"""Places: a dated tree of any depth, its closure, and what became of what (docs/places.md)."""

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel


class Place(SQLModel, table=True):
    """A country, province, district, commune, village or site, for as long as it existed."""

    place_id: str = Field(primary_key=True)
    code: str = Field(index=True)
    """As its issuer writes it; unique among places of one level at one time, not for ever."""
    name: str
    folded: str = Field(index=True)
    """Without accents and case, for search."""
    level: str
    kind: str = ""
    """The word of its kind: tỉnh, thành phố, xã, phường, đặc khu."""
    parent_id: str | None = Field(default=None, foreign_key="place.place_id", index=True)
    valid_from: str
    """ISO date; the first day."""
    valid_to: str | None = None
    """ISO date; the first day on which it is no more."""
    latitude: float | None = None
    longitude: float | None = None
    boundary: bytes | None = Field(default=None, sa_type=LargeBinary)
    """A GeoJSON geometry (RFC 7946)."""
    source: str = ""

    __table_args__ = (
        UniqueConstraint("level", "code", "valid_from"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="dates"),
    )


class PlaceAncestor(SQLModel, table=True):
    """Each place beneath each of its ancestors and itself; a role reaches what is beneath it.

    A place that is no more is also beneath what its default successor is beneath, so that those
    who answer for a commune today see whoever was registered under its old name.
    """

    __tablename__ = "place_ancestor"

    place_id: str = Field(primary_key=True, foreign_key="place.place_id")
    ancestor_id: str = Field(primary_key=True, foreign_key="place.place_id")
    depth: int

    __table_args__ = (Index("ix_place_ancestor_ancestor_id", "ancestor_id", "place_id"),)


class PlaceSuccessor(SQLModel, table=True):
    """What became of a place: one successor after a merger, several after a division."""

    __tablename__ = "place_successor"

    place_id: str = Field(primary_key=True, foreign_key="place.place_id")
    successor_id: str = Field(primary_key=True, foreign_key="place.place_id", index=True)
    is_default: bool
    """The successor that an address without more detail is taken to lie in; one a place."""
