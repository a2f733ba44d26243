"""Run the monitor: ``python -m services.monitor``."""

from services.monitor.wiring import SERVICE, serve
from shared.service import asyncio_run

if __name__ == "__main__":
    asyncio_run(serve, service=SERVICE)
