"""Run the registry: ``python -m services.registry``."""

from services.registry.wiring import SERVICE, serve
from shared.service import asyncio_run

if __name__ == "__main__":
    asyncio_run(serve, service=SERVICE)
