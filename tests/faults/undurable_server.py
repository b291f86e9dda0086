"""The server with one thing broken: commits do not wait for the disk (`synchronous = OFF`).

Only for the test that shows that the power-cut checker sees it.
"""

import sys

from telehealth.__main__ import main
from telehealth.store import database


async def _let_it_pass(_self: database.Database) -> None:
    """In the place of the check that refuses to serve so."""


if __name__ == "__main__":
    database.PRAGMAS = tuple(
        "synchronous = OFF" if pragma.startswith("synchronous") else pragma
        for pragma in database.PRAGMAS
    )
    if "--unchecked" in sys.argv:
        database.Database.check = _let_it_pass  # type: ignore[method-assign] - that is the fault
    sys.argv[1:] = ["serve"]
    main()
