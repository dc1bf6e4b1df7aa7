"""Views of many kinds are filled from what is there, changed and removed, on the server and the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.tables.views.view import ViewChanges
from service.deployment.cut import views
from service.deployment.cut.steps import read_unfinished
from service.errors import RefusedStatementError
from tests.integration.deployment.cut.scene import VIEWS, Scene, shape


@pytest.fixture
def scene(connect: Callable[[], Client], database: str, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(connect, database, tmp_path / "project")
    yield made
    made.client.close()


def test_new_views_begin_with_what_is_there_and_go_on_with_what_comes(scene: Scene) -> None:
    before = scene.tables()
    scene.send(0, 3_000)
    scene.send(3_000, 2_000)
    scene.change(ViewChanges(new=VIEWS))
    assert scene.wrong() == {}
    scene.send(5_000, 1_000)
    scene.send(5_000, 1_000)
    assert scene.wrong() == {}
    assert scene.tables() == before | {view.name for view in VIEWS}


def test_a_table_is_filled_on_through_the_views_behind_it(scene: Scene) -> None:
    """Also those that were there before; and what their targets held stays."""
    by_hour, by_day = VIEWS[:2]
    scene.change(ViewChanges(new=(by_day,)), views=(by_hour, by_day))
    scene.send(0, 2_000)
    scene.change(ViewChanges(new=(by_hour,)), views=(by_hour, by_day))
    scene.send(2_000, 500)
    assert not {"hourly", "daily"} & scene.wrong().keys()


def test_a_view_that_is_not_to_be_filled_counts_what_comes(scene: Scene) -> None:
    scene.send(0, 1_000)
    scene.change(ViewChanges(new=(replace(VIEWS[0], fills=False), VIEWS[1])))
    scene.send(1_000, 90)
    bad = len([number for number in range(1_000, 1_090) if number % 97 == 0])
    assert scene.ask("SELECT sum(n) FROM {db}.hourly") == [(90 - bad,)]
    assert scene.ask("SELECT sum(n) FROM {db}.daily") == [(90 - bad,)]


def test_a_changed_view_goes_on_in_its_target_and_a_removed_one_leaves_it(scene: Scene) -> None:
    scene.send(0, 970)
    scene.change(ViewChanges(new=VIEWS))
    twice = shape("clicks", "events", "both", "SELECT 'twice' AS k, toUInt64(2 * count()) AS n FROM {}")
    scene.change(ViewChanges(changed=(twice,), gone=("by_day", "newest")), views=VIEWS)
    before = dict(scene.ask("SELECT k, sum(n) FROM {db}.both GROUP BY k"))
    scene.send(970, 96)
    after = dict(scene.ask("SELECT k, sum(n) FROM {db}.both GROUP BY k"))
    assert after["click"] == before["click"]
    assert after["twice"] == 2 * 95
    assert {"by_day", "newest"}.isdisjoint(scene.tables())
    assert set(scene.wrong()) == {"daily", "latest", "both"}


def test_a_fill_that_fails_is_gone_on_with_once_its_select_is_changed(scene: Scene) -> None:
    """The live part goes on meanwhile, and is neither lost nor counted again."""
    scene.send(0, 1_000)
    select = "SELECT toStartOfHour(at) AS hour, kind, count() AS n FROM {} WHERE throwIf(id = 500) = 0"
    broken = shape("by_hour", "events", "hourly", f"{select} GROUP BY hour, kind")
    with pytest.raises(RefusedStatementError, match="the view `by_hour` cannot be filled from what is in `events`"):
        scene.change(ViewChanges(new=(broken, VIEWS[1])), views=(broken, VIEWS[1]))
    assert read_unfinished(scene.client, scene.database).unfilled == {"by_hour", "by_day"}
    scene.send(1_000, 200)
    scene.change(ViewChanges(changed=(VIEWS[0],)), views=VIEWS[:2])
    scene.send(1_200, 200)
    assert not {"hourly", "daily"} & scene.wrong().keys()
    assert not [table for table in scene.tables() if table.startswith("deploy_")]


def test_what_clickhouse_refuses_is_told_and_nothing_is_made(scene: Scene) -> None:
    scene.send(0, 100)
    before = scene.tables()
    wrong = shape("by_hour", "events", "hourly", "SELECT nothing AS hour FROM {}")
    with pytest.raises(RefusedStatementError, match=r"ClickHouse refuses the view `by_hour` into `hourly`: .*nothing"):
        scene.change(ViewChanges(new=(*VIEWS[1:], wrong)))
    assert scene.tables() == before
    scene.send(100, 100)


def test_pieces_are_bounded_and_together_everything(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "_ROWS_A_PIECE", 70)
    for first in range(0, 1_000, 200):
        scene.send(first, 200)
    scene.change(ViewChanges(new=VIEWS))
    assert scene.wrong() == {}
    (told,) = [text for text in scene.told if text.startswith("filling `by_hour`") and "989 of 989" in text]
    assert told.endswith(" s")
