"""Run the cases: ``python -m services.cases``."""

from services.cases.wiring import SERVICE, serve
from shared.service import asyncio_run

if __name__ == "__main__":
    asyncio_run(serve, service=SERVICE)
