"""What each JSON route under `/api/v1/` takes, answers and refuses, in words for strangers.

One line of `webui.routes` for programs has one entry here. The table says what the types cannot:
what an operation is for, and which refusals belong to it. Who may call it stands in the routes.
"""

from datetime import date
from typing import Any, Final

from protocols.phone import PhoneAck, PhoneBatch, PhoneUpload, Shown
from protocols.uplink import Refusal, WireReading
from telehealth.alerts.reasons import AcceptReason, NoiseReason, ResolveReason
from telehealth.calls.states import CallState
from telehealth.store.queries.person_screen import Mark, Series
from webui.api.gateway import EnrolmentRequest
from webui.api.operation import Operation, Parameter
from webui.api.operations_desk import DESK
from webui.api.schemas import (
    ID_PATTERN,
    Accept,
    AlertMoved,
    AlertStep,
    BeginActing,
    CallNoise,
    CallSeen,
    Enrolled,
    OpenCalls,
    PlaceFound,
    PlacesFound,
    PlaceToday,
    Resolve,
)
from webui.pages.consult import NewCall
from webui.pages.doctor import SPANS_H


def _id(name: str, words: str, example: str) -> Parameter:
    schema = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": ID_PATTERN}
    return Parameter(name=name, where="path", words=words, schema=schema, example=example)


def _query(name: str, words: str, schema: dict[str, Any], example: object) -> Parameter:
    return Parameter(name=name, where="query", words=words, schema=schema, example=example)


_ROOM: Final = _id("room_id", "the id of a call", "ca-5f0c1d2e3a4b5c6d")
_RINGING: Final = CallSeen(
    room_id="ca-5f0c1d2e3a4b5c6d",
    state=CallState.OFFERED,
    rings=True,
    side="patient",
    name="BS. Mai",
    person_id="pe-0a1b2c3d4e5f",
    url="/consult/ca-5f0c1d2e3a4b5c6d",
)
_HUNG_UP: Final = CallSeen(
    room_id="ca-5f0c1d2e3a4b5c6d",
    state=CallState.CONCLUDED,
    rings=False,
    side="doctor",
    name="Lò Thị Hoà",
    person_id="pe-0a1b2c3d4e5f",
    url="/consult/ca-5f0c1d2e3a4b5c6d",
)
_MINUTE: Final = 1_792_512_000
_SERIES: Final = Series(
    t=(_MINUTE, _MINUTE + 1_800, _MINUTE + 3_600),
    spo2=(97.0, None, 94.0),
    spo2_min=(96.0, None, 93.0),
    pulse=(78.0, None, 92.0),
    perfusion=(3.4, None, None),
    marks=(Mark(at_ms=(_MINUTE + 3_600) * 1_000, kind="alert", level=2),),
    from_ms=_MINUTE * 1_000,
    to_ms=(_MINUTE + 21_600) * 1_000,
)
_EPOCH: Final = "0b9f3c52-8d0e-4c1b-9a55-0f2a3b4c5d6e"
_TYPED: Final = PhoneBatch(
    seq=1,
    person="pe-0a1b2c3d4e5f",
    device="ph:5d6e7f80-1a2b-4c3d-8e4f-506172839405",
    readings=[
        WireReading(
            kind="typed",
            at=1_792_512_000_000,
            spo2_percent=91,
            pulse_per_min=108,
            record="9c1d2e3f-4a5b-4c6d-8e7f-8091a2b3c4d5",
        )
    ],
    shown=[Shown("advice_red", 1_792_512_003_000, 1_792_512_000_000)],
    rules="moh-vn-261@2022-01-31 home-levels@2",
)
_PAST_COMMUNE: Final = PlaceFound(
    place_id="vn-01234",
    name="Xã Tân Tiến",
    path="Xã Tân Tiến, Thành phố Bắc Giang, Tỉnh Bắc Giang",
    level="commune",
    code="07441",
    valid=False,
    valid_from=date(2019, 1, 1),
    valid_to=date(2025, 7, 1),
    today=[PlaceToday("vn-05678", "Phường Tân Tiến, Tỉnh Bắc Ninh")],
)

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", "/api/v1/openapi.json"): Operation(
        name="get_document",
        summary="This document",
        words="OpenAPI 3.1, written from the types that the server decodes into and answers with.",
    ),
    ("POST", "/api/v1/alerts/{alert_id}"): Operation(
        name="move_alert",
        summary="Accept, act on or close an alert",
        words=(
            "The life of an alert (docs/rules.md) says what follows what: 409 when it does not"
            " follow from where the alert stands, 403 when it takes the doctor who accepted it."
        ),
        parameters=(_id("alert_id", "the id of an alert", "al-0a1b2c3d4e5f"),),
        body=AlertStep,
        bodies={
            "accept": Accept(AcceptReason.CALLING, review_minutes=30),
            "act": BeginActing(note="Đang gọi người nhà."),
            "resolve": Resolve(ResolveReason.ADVISED, note="Đã dặn nằm sấp."),
            "noise": CallNoise(NoiseReason.COLD_FINGER),
        },
        answer=(AlertMoved,),
        answers={
            "of a person": AlertMoved("al-0a1b2c3d4e5f", "pe-0a1b2c3d4e5f"),
            "of nobody yet": AlertMoved("al-0a1b2c3d4e5f", None),
        },
        refusals=(404, 409),
    ),
    ("GET", "/api/v1/persons/{person_id}/series"): Operation(
        name="get_series",
        summary="The values of a person in columns, for charts",
        words="The window ends now. `t` is in epoch seconds; a gap is null in every column.",
        parameters=(
            _id("person_id", "the id of a person", "pe-0a1b2c3d4e5f"),
            _query(
                "hours",
                "how far back",
                {"type": "integer", "enum": list(SPANS_H), "default": 24},
                6,
            ),
        ),
        answer=(Series,),
        answers={"six hours": _SERIES},
        refusals=(422,),
    ),
    ("POST", "/api/v1/calls"): Operation(
        name="create_call",
        summary="Ring a person, or ask for a doctor",
        words=(
            "A doctor names the person, and perhaps the alert that it is about (422 otherwise); a"
            " patient sends nothing, a carer the person. Doing it twice is one call. 409 when the"
            " person is in a call with somebody else."
        ),
        body=NewCall,
        needs_body=False,
        bodies={
            "a doctor rings": NewCall(person_id="pe-0a1b2c3d4e5f", alert_id="al-0a1b2c3d4e5f"),
            "a patient asks": NewCall(),
        },
        answer=(CallSeen,),
        status=201,
        answers={"it rings": _RINGING},
        links={
            name: {"room_id": "$response.body#/room_id"}
            for name in ("get_call", "answer_call", "decline_call")
        },
        refusals=(404, 409, 422),
    ),
    ("GET", "/api/v1/calls/{room_id}"): Operation(
        name="get_call",
        summary="One call as this side sees it, or every open one",
        words=(
            "With `current` in the place of an id: every call that is open for who asks, and every"
            " request that rings for them."
        ),
        parameters=(_ROOM,),
        answer=(CallSeen, OpenCalls),
        answers={"one": _RINGING, "current": OpenCalls([_RINGING])},
        refusals=(404,),
    ),
    ("POST", "/api/v1/calls/{room_id}/answer"): Operation(
        name="answer_call",
        summary="Say yes to what rings",
        words="409 when nothing rings for this side, or somebody else was quicker.",
        parameters=(_ROOM,),
        answer=(CallSeen,),
        answers={"answered": _RINGING},
        refusals=(404, 409),
    ),
    ("POST", "/api/v1/calls/{room_id}/decline"): Operation(
        name="decline_call",
        summary="Decline, withdraw or hang up, whichever it means now",
        parameters=(_ROOM,),
        answer=(CallSeen,),
        answers={"hung up": _HUNG_UP},
        refusals=(404, 409),
    ),
    ("GET", "/api/v1/places"): Operation(
        name="find_places",
        summary="Find places as people type them",
        words=(
            "Without accents, by the beginnings of words, or by code; after a comma follow the"
            " places above. Past places come too, each with what it is today."
        ),
        parameters=(
            _query("q", "as typed; the first 200 characters count", {"type": "string"}, "tan tien"),
            _query("within", "only beneath this place", {"type": "string"}, "vn-24"),
            _query(
                "valid",
                "1: only places that are there today",
                {"type": "string", "enum": ["0", "1"], "default": "0"},
                "0",
            ),
        ),
        answer=(PlacesFound,),
        answers={"a past commune": PlacesFound([_PAST_COMMUNE])},
        refusals=(404, 422),
    ),
    ("POST", "/api/v1/patient/uploads"): Operation(
        name="upload_readings",
        summary="Hand in what a phone measured or somebody typed",
        words=(
            "A phone numbers what it has from 1 in a stream named by a UUID of its own, sends what"
            " is not acknowledged yet, and deletes only what `acked` covers (docs/phone.md). What"
            " cannot be stored is kept aside with its reason under `refused`, and acknowledged."
        ),
        body=PhoneUpload,
        bodies={"one typed reading": PhoneUpload(_EPOCH, 1_792_512_000_000, [_TYPED])},
        answer=(PhoneAck,),
        answers={
            "stored": PhoneAck(1, [], 1_792_512_000_420),
            "kept aside": PhoneAck(
                1,
                [Refusal(1, "readings[0]", "kind minute: a phone sends spot or typed")],
                1_792_512_000_420,
            ),
        },
    ),
    ("POST", "/api/v1/gateways/enrol"): Operation(
        name="enrol_gateway",
        summary="Exchange a one-use code for a gateway's id",
        words=(
            "The code is the proof; no session is needed (docs/uplink.md). 403 when the code is"
            " unknown, used or too old."
        ),
        body=EnrolmentRequest,
        bodies={
            "a new gateway": EnrolmentRequest(
                code="7K3M-9QXR-2FHT",
                public_key="O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=",
                name="Trạm y tế",
            )
        },
        answer=(Enrolled,),
        status=201,
        answers={
            "enrolled": Enrolled(
                "gw-0a1b2c3d4e5f6071",
                [
                    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
                    "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
                ],
            )
        },
        refusals=(403, 422),
    ),
} | DESK
