import hmac
import logging

log = logging.getLogger(__name__)


def tell(person, person_id):
    # ruleid: somebody-in-a-log
    log.info("registered", extra={"person_id": person_id, "name": person.called})
    # ruleid: somebody-in-a-log
    log.info("registered", extra={"who": person.phone})
    # ruleid: somebody-in-a-log
    log.warning("no such %s", person.display_name)
    # ok: somebody-in-a-log
    log.info("registered", extra={"person_id": person_id, "programme_id": person.programme_id})


def refuse(person):
    if person.is_old:
        # ruleid: somebody-in-a-refusal
        raise RefusedError("name", "1 to 120 characters", person.name)
    # ok: somebody-in-a-refusal
    raise RefusedError("name", "1 to 120 characters", len(person.name))


def check(session, mac, given):
    # ruleid: secret-compared-plainly
    if session.token_hash == given:
        return True
    # ruleid: secret-compared-plainly
    if mac != given:
        return False
    # ok: secret-compared-plainly
    if session.account_id == given:
        return True
    # ok: secret-compared-plainly
    return hmac.compare_digest(mac, given)
