"""The door of a data source is a row of the fence table."""

from __future__ import annotations

from schemas.tables.ddl.door import OPEN, door_ddl, door_opening_ddl, fence_ddl, recorded_owner


def test_a_door_is_closed_by_whoever_holds_it_and_open_by_nobody() -> None:
    assert door_ddl("it's", database="d", holder=7) == "INSERT INTO `d`.`ingest_fence` VALUES ('it\\'s', 7)"
    assert door_ddl("e", database="d", holder=OPEN).endswith("('e', 0)")


def test_only_its_holder_opens_it() -> None:
    assert door_opening_ddl("e", "d", holder=7) == (
        "INSERT INTO `d`.`ingest_fence` (`key`, `owner`) SELECT 'e', 0"
        " WHERE joinGet('d.ingest_fence', 'owner', 'e') = 7"
    )


def test_the_last_row_for_a_key_wins() -> None:
    assert "ENGINE = Join(ANY, LEFT, `key`) SETTINGS join_any_take_last_row = 1" in fence_ddl("d")
    assert recorded_owner("d", "`k`") == "joinGet('d.ingest_fence', 'owner', `k`)"
