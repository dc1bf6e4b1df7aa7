"""Compares what ClickHouse has with what the project says, once at the start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from query_api.settings import QueryApiSettings
from schemas.model import Project

logger = logging.getLogger(__name__)


def schema_check(settings: QueryApiSettings, project: Project) -> Callable[[], Awaitable[bool]]:
    """A question whether the project is deployed in the ClickHouse of the settings.

    The API's user may not be allowed to look; then the answer is yes, because there is nothing to warn of.
    """

    async def is_deployed() -> bool:
        return await asyncio.to_thread(_is_deployed, settings, project)

    return is_deployed


def _is_deployed(settings: QueryApiSettings, project: Project) -> bool:
    # Not a start's work, and not the event loop's.
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from deploy.plan import read_plan
    from service.clickhouse.client import connect

    try:
        client = connect(settings)
        try:
            return bool(read_plan(client, project, settings.clickhouse_database).is_empty)
        finally:
            client.close()
    except ClickHouseError as error:
        logger.debug("the deployed schema cannot be read", exc_info=error)
        return True
