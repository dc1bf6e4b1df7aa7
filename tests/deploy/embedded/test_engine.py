"""The embedded engine: who owns its folder, and what clients see."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.engine import LOCK_FILE, EmbeddedEngine, is_folder_in_use
from deploy.errors import FolderInUseError


def test_a_second_engine_on_the_folder_is_refused(engine: EmbeddedEngine) -> None:
    folder = engine.folder
    with pytest.raises(FolderInUseError) as caught:
        EmbeddedEngine(folder).start()
    assert f"`{folder}` is in use by process {os.getpid()}" in str(caught.value)
    assert "hint: " in str(caught.value)
    assert is_folder_in_use(folder)


def test_a_lock_that_a_dead_process_left_does_not_count(data_folder: Path) -> None:
    data_folder.mkdir()
    (data_folder / LOCK_FILE).write_text("1\n")
    assert not is_folder_in_use(data_folder)


def test_a_look_at_the_lock_leaves_it_free(data_folder: Path) -> None:
    assert not is_folder_in_use(data_folder)
    assert not is_folder_in_use(data_folder)


def test_clients_of_several_threads_insert_at_the_same_moment(engine: EmbeddedEngine) -> None:
    client = engine.client()
    client.command("CREATE TABLE `of tests`.inserted (x UInt64, s String) ENGINE = MergeTree ORDER BY x")

    def insert(first: int) -> None:
        own = engine.client()
        for start in range(first, first + 500, 100):
            columns: list[list[Any]] = [list(range(start, start + 100)), [b"\xff\x00'\\"] * 100]
            own.insert("inserted", columns, column_names=["x", "s"], column_oriented=True, database="of tests")
        own.close()

    threads = [threading.Thread(target=insert, args=(first,)) for first in range(0, 2000, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sql = "SELECT count(), uniqExact(x), countIf(hex(s) = 'FF00275C') FROM `of tests`.inserted"
    assert client.query(sql).result_rows == [(2000, 2000, 2000)]
    client.close()


def test_moments_are_utc_wherever_the_machine_stands(engine: EmbeddedEngine) -> None:
    client = engine.client()
    assert client.command("SELECT timezone()") == "UTC"
    client.close()
