"""Run the notifier: ``python -m services.notifier``."""

from services.notifier.wiring import SERVICE, serve
from shared.service import asyncio_run

if __name__ == "__main__":
    asyncio_run(serve, service=SERVICE)
