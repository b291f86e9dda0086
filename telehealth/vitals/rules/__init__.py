"""The rule packs that this edition of the product knows, by their id."""

from typing import Final

from telehealth.vitals.packs import Pack
from telehealth.vitals.rules.moh_vn_261 import MOH_VN_261

PACKS: Final[dict[str, Pack]] = {pack.pack_id: pack for pack in (MOH_VN_261,)}
