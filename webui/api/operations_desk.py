"""What the routes of the station's desk take and answer: people, and the cards they carry.

What somebody types or scans is posted, never put into an address: addresses are kept in logs.
"""

from typing import Final

from telehealth.people.duplicates import Grade
from webui.api.operation import Operation
from webui.api.schemas import CardRead, PeopleAlike, PeopleFound, PersonAlike, PersonFound
from webui.pages.desk import cards, home, register


class PersonSearch(home.Asked, frozen=True):
    """Whom somebody looks for: a name without accents, a phone number, or another number."""


class PersonDraft(register.Asked, frozen=True):
    """What has been typed of a person so far."""


class CardText(cards.Scanned, frozen=True):
    """The text of a QR code, as a scanner gives it."""


_FOUND: Final = PersonFound(
    person_id="pe-0a1b2c3d4e5f",
    name="Lò Thị Hoà",
    born="2/3/1951",
    sex="female",
    place="Xã Bình Minh, Tỉnh Lào Cai",
)

DESK: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/api/v1/people/search"): Operation(
        name="find_people",
        summary="Find people beneath one's place",
        words="Each one who is shown stands in the audit log as seen.",
        body=PersonSearch,
        bodies={"by name": PersonSearch("lo thi hoa"), "by phone": PersonSearch("0912345678")},
        answer=(PeopleFound,),
        answers={"one": PeopleFound([_FOUND], more=False)},
    ),
    ("POST", "/api/v1/people/alike"): Operation(
        name="find_alike",
        summary="Who is registered already and may be the same human",
        words="Asked while a form is being typed, so that nobody is registered twice.",
        body=PersonDraft,
        bodies={"half typed": PersonDraft(name="Lo Thi Hoa", born="2/3/1951")},
        answer=(PeopleAlike,),
        answers={
            "probable": PeopleAlike(
                [
                    PersonAlike(
                        person_id=_FOUND.person_id,
                        name=_FOUND.name,
                        born=_FOUND.born,
                        grade=Grade.PROBABLE,
                        why="cùng tên và ngày sinh",
                    )
                ]
            )
        },
    ),
    ("POST", "/api/v1/qr"): Operation(
        name="read_card",
        summary="The fields of a card that was scanned",
        words="422 where it is no card of a person; the `code` says why (docs/identifiers.md).",
        body=CardText,
        bodies={
            "a citizen card": CardText(
                "001151000001||Lò Thị Hoà|02031951|Nữ|Bản Nà Lộc, Xã Bình Minh|01052021"
            )
        },
        answer=(CardRead,),
        answers={
            "a citizen card": CardRead(
                kind="citizen_card",
                fields={"name": "Lò Thị Hoà", "born": "2/3/1951", "citizen_id": "001151000001"},
                doubts=[],
            )
        },
        refusals=(422,),
    ),
}
