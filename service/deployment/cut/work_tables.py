"""The tables that a deploy makes to fill views: dropped whatever they hold, also by users who may not drop events."""

from __future__ import annotations

from collections.abc import Iterable

from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.own_names import WORK_PREFIX
from schemas.sql.text import qualified
from service.clickhouse.codes import Code
from service.deployment.door import Door

_EMPTY_SECONDS = 30.0
_POLL_SECONDS = 0.5


def drop_work_tables(door: Door, tables: Iterable[str]) -> None:
    """Drop those of these tables that a deploy made for its work; who reads from them still, ends on them.

    One that is larger than the user may drop is emptied first: ClickHouse then takes its parts away in the background.
    What is not gone by then is told, and dropped the next time.
    """
    left = [name for name in tables if name.startswith(WORK_PREFIX) and not _is_dropped(door, name)]
    for name in left:
        table = qualified(door.database, name)
        door.lock.run(f"ALTER TABLE {table} MODIFY SETTING cleanup_delay_period = 1, max_cleanup_delay_period = 1")
        door.lock.run(f"ALTER TABLE {table} DELETE WHERE 1 SETTINGS mutations_sync = 1")
    give_up = door.clock() + _EMPTY_SECONDS
    while left and door.clock() < give_up:
        door.sleep(_POLL_SECONDS)
        left = [name for name in left if not _is_dropped(door, name)]
    if left:
        names = ", ".join(f"`{name}`" for name in left)
        door.tell(f"note: {names} are left over, and are dropped by the next deploy that fills views")


def _is_dropped(door: Door, name: str) -> bool:
    try:
        door.lock.run(f"DROP TABLE IF EXISTS {qualified(door.database, name)}")
    except DatabaseError as error:
        if error.code != Code.TABLE_SIZE_EXCEEDS_MAX_DROP_SIZE_LIMIT:
            raise
        return False
    return True
