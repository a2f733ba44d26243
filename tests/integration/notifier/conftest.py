from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from deploy.local.postgres import PostgresServer
from shared.postgres import Pool, migrate, open_pool
from tests.conftest import cloned


@pytest.fixture(scope="module")
def delivery_urls(postgres: PostgresServer, template_database: str) -> Iterator[dict[str, str]]:
    """Addresses of a database with the notifier's schema: of the module's own, to be emptied by each test."""
    for urls in cloned(postgres, template_database):
        migrate(urls["owner"], "notifier")
        yield urls


@pytest.fixture
async def pool(delivery_urls: dict[str, str]) -> AsyncIterator[Pool]:
    """A pool of the notifier's role on empty tables."""
    with psycopg.connect(delivery_urls["owner"]) as owner:
        owner.execute("TRUNCATE notifier.delivery, notifier.channel_health, notifier.channel_rate")
    opened = await open_pool(delivery_urls["notifier"], schema="notifier")
    try:
        yield opened
    finally:
        await opened.close()
