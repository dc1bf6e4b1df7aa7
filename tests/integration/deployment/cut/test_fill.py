"""Views of many kinds are filled from what is there, changed and removed, on the server and the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.tables.views.view import ViewChanges
from tests.integration.deployment.cut.scene import VIEWS, Scene


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
