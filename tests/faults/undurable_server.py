"""The server with one thing broken: commits do not wait for the disk (`synchronous = OFF`).

Only for the test that shows that the power-cut checker sees it.
"""

import sys
from unittest.mock import patch

from telehealth.__main__ import main
from telehealth.store import database


async def _let_it_pass(_self: database.Database) -> None:
    """In the place of the check that refuses to serve so."""


if __name__ == "__main__":
    weaker = tuple(p.replace("synchronous = FULL", "synchronous = OFF") for p in database.PRAGMAS)
    check = _let_it_pass if "--unchecked" in sys.argv else database.Database.check
    sys.argv[1:] = ["serve"]
    with patch.object(database, "PRAGMAS", weaker), patch.object(database.Database, "check", check):
        main()
