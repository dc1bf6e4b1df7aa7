"""Deploys of views that die after any of their statements while batches are sent again: no row is missed or doubled."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.tables.views.view import ViewChanges
from service.deployment.cut.steps import read_unfinished
from tests.integration.deployment.cut.load import Load
from tests.integration.deployment.cut.scene import VIEWS, Scene, StoppedError

EVERY = int(os.environ.get("CUT_EVERY_STATEMENT") or 41)
"""How many statements lie between two deaths; `1` tries each of them, for half an hour."""


@pytest.fixture
def scene(connect: Callable[[], Client], database: str, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(connect, database, tmp_path / "project")
    yield made
    made.client.close()


def left(scene: Scene) -> ViewChanges:
    """What a plan would say: the views that are not there, or not known as made."""
    unfinished = read_unfinished(scene.client, scene.database)
    there = scene.tables() - unfinished.unmade
    return ViewChanges(new=tuple(view for view in VIEWS if view.name not in there))


@pytest.mark.timeout(600 if EVERY > 40 else 7200)
def test_one_that_dies_after_any_statement_is_ended_by_the_next(scene: Scene) -> None:
    statements, died = random.randrange(EVERY), 0
    while True:
        scene.reset()
        scene.send(0, 500)
        with Load(scene, 1_000, seed=statements) as load:
            try:
                scene.change(left(scene), records=load, statements=statements)
                is_whole = True
            except StoppedError:
                is_whole = False
                died += 1
            scene.change(left(scene), records=load)
        assert scene.wrong() == {}, f"stopped after {statements} statements"
        assert not [table for table in scene.tables() if table.startswith("deploy_")]
        if is_whole:
            break
        statements += EVERY
    assert died > 1
