"""A whole gateway on virtual Bluetooth, behind HCI over TCP: runs until it is killed."""

import asyncio
import sys
from pathlib import Path

from devices.gateway import Gateway
from devices.identity import load_identity
from devices.radio import Backends
from devices.settings import Settings
from devices.simulator.bleak_bumble import BumbleClient, BumbleScanner
from devices.simulator.hub import Hub

QUICK = Settings(
    batch_seconds=0.2, reconnect_min_s=0.05, retry_max_s=0.1, ack_timeout_s=2.0, status_port=0
)


async def main(home: Path, transport: str) -> None:
    """Be a gateway."""
    hub = await Hub.open(transport)
    backends = Backends(scanner=BumbleScanner, client=BumbleClient, arguments={"hub": hub})
    sys.stdout.write("up\n")
    sys.stdout.flush()
    await Gateway(load_identity(home), home, QUICK, backends=backends).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
