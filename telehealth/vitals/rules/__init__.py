"""The rule packs that this edition of the product knows, by their id.

Not here: 5525/QĐ-BYT of 1 December 2021 (four colours), whose numbers nobody has read.
"""

from typing import Final

from telehealth.vitals.packs import Pack
from telehealth.vitals.rules.abroad import NHS_COAH, WHO_HOME_CARE
from telehealth.vitals.rules.moh_vn_261 import MOH_VN_261
from telehealth.vitals.rules.moh_vn_528 import MOH_VN_528
from telehealth.vitals.rules.moh_vn_604 import MOH_VN_604
from telehealth.vitals.rules.moh_vn_4038 import MOH_VN_4038
from telehealth.vitals.rules.moh_vn_5155 import MOH_VN_5155

PACKS: Final[dict[str, Pack]] = {
    pack.pack_id: pack
    for pack in (
        MOH_VN_4038, MOH_VN_5155, MOH_VN_261, MOH_VN_528, MOH_VN_604, NHS_COAH, WHO_HOME_CARE,
    )
}  # fmt: skip
