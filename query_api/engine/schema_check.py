"""Compares what ClickHouse has with what the project says, as far as questions are about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from query_api.errors import Unavailable
from query_api.settings import QueryApiSettings
from schemas.model import Project
from schemas.tables.views.project import ProjectViews

_MOST_REASONS = 10

logger = logging.getLogger(__name__)


def schema_check(
    settings: QueryApiSettings, project: Project, views: ProjectViews
) -> Callable[[], Awaitable[list[str]]]:
    """A question what of the project is not deployed in the ClickHouse of the settings, for people: tables, columns and
    `views` that are missing or others. What is there besides, and how events get there, is no matter here.

    Raises `Unavailable` when ClickHouse does not say.
    """

    async def missing() -> list[str]:
        return await asyncio.to_thread(lambda: _missing(settings, project, views))

    return missing


def _missing(settings: QueryApiSettings, project: Project, views: ProjectViews) -> list[str]:
    # Not a start's work, and not the event loop's.
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from service.clickhouse.connect import open_client
    from service.deployment.plan import read_plan

    try:
        client = open_client(settings)
        try:
            plan = read_plan(client, project, settings.clickhouse_database, views)
        finally:
            client.close()
    except ClickHouseError as error:
        logger.debug("the deployed schema cannot be read", exc_info=error)
        raise Unavailable("ClickHouse does not say what is deployed") from error
    reasons = [f"there is no database `{plan.database}`"] if plan.creates_database and plan.differences else []
    reasons += [f"`{change.name}`: {change.description}" for change in plan.differences if change.answers]
    shown = reasons[:_MOST_REASONS]
    if len(reasons) > _MOST_REASONS:
        shown.append(f"and {len(reasons) - _MOST_REASONS} more: `birdhouse deploy --check` shows them")
    return shown
