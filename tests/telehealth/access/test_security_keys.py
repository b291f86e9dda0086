"""Security keys: registered and used; wrong origin, wrong challenge, copies and rubbish refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth import clock
from telehealth.access import security_keys
from telehealth.access.security_keys import KeyRefusedError, KeyShown, Party, party_of
from telehealth.errors import NotFoundError, RefusedError
from telehealth.store.database import Database, Transaction
from tests.authenticator import SoftKey, base64url
from tests.webui import people

PARTY = Party("localhost", "http://localhost")
CHALLENGE = b"\x01" * 32
OPTIONS: dict[str, Any] = {"challenge": base64url(CHALLENGE)}


@pytest.fixture
async def commune(database: Database) -> Database:
    """Return a database with the commune in it."""
    await people.settle(database, clock.now_ms())
    return database


async def register(
    database: Database, answer: str, *, account_id: str = "ac-doctor", name: str = "Khóa"
) -> None:
    await database.write(
        lambda tx: security_keys.register(
            tx, account_id, name=name, answer=answer, challenge=CHALLENGE, party=PARTY
        )
    )


async def use(database: Database, answer: str, *, account_id: str = "ac-doctor") -> bool:
    return await database.write(
        lambda tx: security_keys.use_key(
            tx, account_id, answer=answer, challenge=CHALLENGE, party=PARTY
        )
    )


@pytest.fixture
async def key(commune: Database) -> SoftKey:
    """Return a key that the doctor has registered."""
    made = SoftKey()
    await register(commune, made.make(OPTIONS))
    return made


async def test_a_registered_key_proves_its_owner_and_nobody_else(
    commune: Database, key: SoftKey
) -> None:
    assert await use(commune, key.sign(OPTIONS))
    assert not await use(commune, key.sign(OPTIONS), account_id="ac-cover")


async def test_an_answer_signed_for_another_origin_is_refused(
    commune: Database, key: SoftKey
) -> None:
    assert not await use(commune, key.sign(OPTIONS, origin="http://localhost.evil.example"))
    with pytest.raises(KeyRefusedError):
        await register(commune, SoftKey().make(OPTIONS, origin="https://evil.example"))


async def test_an_answer_for_another_host_of_the_key_is_refused(
    commune: Database, key: SoftKey
) -> None:
    key.rp_id = "evil.example"
    assert not await use(commune, key.sign(OPTIONS))


async def test_an_answer_to_another_challenge_is_refused(commune: Database, key: SoftKey) -> None:
    other = {"challenge": base64url(b"\x02" * 32)}
    assert not await use(commune, key.sign(other))
    with pytest.raises(KeyRefusedError):
        await register(commune, SoftKey().make(other))


async def test_an_answer_of_the_other_ceremony_is_refused(commune: Database, key: SoftKey) -> None:
    assert not await use(commune, key.sign(OPTIONS, type="webauthn.create"))


async def test_a_counter_that_does_not_grow_is_a_copy_and_is_refused(
    commune: Database, key: SoftKey
) -> None:
    """WebAuthn level 2 §6.1.1."""
    key.sign_count = 10
    assert await use(commune, key.sign(OPTIONS))
    for earlier in (10, 4):
        key.sign_count = earlier
        assert not await use(commune, key.sign(OPTIONS))
    key.sign_count = 11
    assert await use(commune, key.sign(OPTIONS))


async def test_the_same_answer_does_not_count_twice(commune: Database, key: SoftKey) -> None:
    answer = key.sign(OPTIONS)
    assert await use(commune, answer)
    assert not await use(commune, answer)


async def test_a_signature_of_another_key_is_refused(commune: Database, key: SoftKey) -> None:
    other = SoftKey(credential_id=key.credential_id)
    assert not await use(commune, other.sign(OPTIONS))


async def test_a_key_is_registered_once_for_everybody(commune: Database, key: SoftKey) -> None:
    with pytest.raises(KeyRefusedError):
        await register(commune, key.make(OPTIONS), account_id="ac-cover")


@pytest.mark.parametrize("name", ["", "   ", "x" * 41])
async def test_a_key_has_a_name_that_people_can_read(commune: Database, name: str) -> None:
    with pytest.raises(RefusedError):
        await register(commune, SoftKey().make(OPTIONS), name=name)


async def test_an_account_has_several_keys_and_not_without_end(commune: Database) -> None:
    for number in range(security_keys.MOST_KEYS):
        await register(commune, SoftKey().make(OPTIONS), name=f"Khóa {number}")
    with pytest.raises(RefusedError):
        await register(commune, SoftKey().make(OPTIONS))
    shown = await commune.read(lambda r: security_keys.keys_of(r, "ac-doctor"))
    assert {one.name for one in shown} == {f"Khóa {n}" for n in range(security_keys.MOST_KEYS)}


async def test_a_removed_key_proves_nothing_and_nobody_removes_anothers(
    commune: Database, key: SoftKey
) -> None:
    [shown] = await commune.read(lambda r: security_keys.keys_of(r, "ac-doctor"))
    with pytest.raises(NotFoundError):
        await commune.write(lambda tx: security_keys.remove(tx, "ac-cover", shown.key_id))
    assert await use(commune, key.sign(OPTIONS))
    await commune.write(lambda tx: security_keys.remove(tx, "ac-doctor", shown.key_id))
    assert not await use(commune, key.sign(OPTIONS))


@pytest.mark.parametrize(
    "answer",
    ["", "{}", "[]", "null", "1", '{"id": 1}', '{"id": "AA", "rawId": "AA"}', "x" * 20_000,
     "[" * 5_000, '{"id":"AA","rawId":"AA","type":"public-key","response":{}}'],
)  # fmt: skip
async def test_rubbish_is_refused_and_breaks_nothing(commune: Database, answer: str) -> None:
    assert not await use(commune, answer)
    with pytest.raises(KeyRefusedError):
        await register(commune, answer)


@given(st.data())
def test_an_answer_altered_anywhere_is_refused_or_unchanged(data: st.DataObject) -> None:
    """No bytes whatever raise anything but the refusal."""
    key = SoftKey()
    answer = json.loads(key.make(OPTIONS))
    field = data.draw(st.sampled_from(["clientDataJSON", "attestationObject"]))
    text = answer["response"][field]
    at = data.draw(st.integers(0, len(text) - 1))
    answer["response"][field] = text[:at] + data.draw(st.text(max_size=4)) + text[at + 1 :]

    class Table(Transaction):
        """Takes rows in and has none."""

        now_ms = 0

        def __init__(self) -> None:
            self.taken = 0

        def rows(self, sql: str, params: Any = ()) -> list[Any]:
            return []

        def execute(self, sql: str, params: Any = ()) -> int:
            self.taken += 1
            return 1

    table = Table()
    try:
        security_keys.register(
            table, "ac", name="x", answer=json.dumps(answer), challenge=CHALLENGE, party=PARTY
        )
    except KeyRefusedError:
        assert table.taken == 0
    else:
        assert table.taken == 1


@pytest.mark.parametrize(
    ("origin", "rp_id"),
    [
        ("https://telehealth.example", "telehealth.example"),
        ("https://telehealth.example:8443", "telehealth.example"),
        ("http://localhost:8080", "localhost"),
        ("http://127.0.0.1:8080", None),
        ("https://192.168.1.10", None),
        ("http://[::1]:8080", None),
        ("", None),
    ],
)
def test_a_server_with_a_name_is_a_relying_party_and_an_address_is_none(
    origin: str, rp_id: str | None
) -> None:
    found = party_of(origin)
    assert (found.rp_id if found else None) == rp_id


def test_options_name_the_keys_that_are_there_already() -> None:
    shown = KeyShown("k", b"\x05\x06", "Khóa", "usb unheard-of", 1, None)
    made = json.loads(
        security_keys.creation_options(
            PARTY, account_id="ac-1", login="bs.mai", challenge=CHALLENGE, existing=[shown]
        )
    )
    asked = json.loads(security_keys.request_options(PARTY, challenge=CHALLENGE, keys=[shown]))
    assert made["excludeCredentials"][0] == {
        "id": "BQY",
        "type": "public-key",
        "transports": ["usb"],
    }
    assert asked["allowCredentials"][0]["id"] == "BQY"
    assert made["authenticatorSelection"]["userVerification"] == "preferred"
    assert made["attestation"] == "none"
