"""`birdhouse replay` on real servers: what is missing, wrong or mended is stored once, what cannot be is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.own_names import DATABASE_TABLES, LOCK_TABLE, STEPS_TABLE, tables_beside
from tests.integration.operations.replayed import PARTITIONS, Scene, each
from tests.servers import ClickHouseServer

pytestmark = pytest.mark.needs("kafka", "clickhouse")


@pytest.fixture
def scene(kafka: str, clickhouse: ClickHouseServer, clickhouse_client: Client, database: str, tmp_path: Path) -> Scene:
    return Scene(kafka, clickhouse, clickhouse_client, database, tmp_path)


RANGE = ("--partition", "0", "--partition", "1", "--from-offset")


def test_what_is_missing_is_stored_once_and_what_is_there_is_left_alone(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(1_000, bad_every=10)
    code, document, errors = scene.replay(*RANGE, "100", "--to-offset", "599")
    assert code == 0, errors
    assert [(part["stored"], part["quarantined"]) for part in document["partitions"]] == [(500, 50)] * 2
    code, document, _ = scene.replay("--since", "2020-01-01")
    assert (code, [part["present"] for part in document["partitions"]]) == (0, [500, 500])
    good = [number for number in each(0, 999) if number // PARTITIONS % 10]
    assert (scene.ids, scene.counted) == (good, len(good))
    assert len(scene.quarantined) == 200
    code, document, _ = scene.replay("--since", "2020-01-01")
    assert (code, [part["stored"] for part in document["partitions"]]) == (0, [0, 0])


def test_rows_that_somebody_deleted_are_stored_again_although_their_batch_is_known(scene: Scene) -> None:
    scene.deploy()
    scene.topic(100)
    assert scene.replay(*RANGE, "0", "--to-offset", "99")[0] == 0
    scene.client.command(f"DELETE FROM `{scene.name}`.`{scene.name}` WHERE 1 SETTINGS lightweight_deletes_sync = 1")
    assert scene.ids == []
    assert scene.replay(*RANGE, "0", "--to-offset", "99")[0] == 0
    assert scene.ids == each(0, 99)


def test_a_dry_run_changes_nothing(scene: Scene) -> None:
    scene.deploy()
    scene.topic(100)
    assert scene.replay(*RANGE, "0", "--to-offset", "39")[0] == 0
    code, document, _ = scene.replay(*RANGE, "0", "--to-offset", "99", "--check")
    assert code == 0
    assert [(part["present"], part["missing"]) for part in document["partitions"]] == [(40, 60)] * 2
    assert scene.ids == each(0, 39)


def test_what_the_worker_has_not_committed_is_the_workers(scene: Scene) -> None:
    scene.deploy()
    scene.topic(100, commit=False)
    scene.commit(60)
    code, document, _ = scene.replay(*RANGE, "50", "--to-offset", "99")
    assert code == 2
    assert [part["beyond"] for part in document["partitions"]] == [[60, 99]] * 2
    assert scene.ids == each(50, 59)


def test_what_the_broker_no_longer_holds_is_told(scene: Scene) -> None:
    scene.deploy()
    scene.topic(100)
    assert scene.replay(*RANGE, "0", "--to-offset", "9")[0] == 0
    admin = AdminClient({"bootstrap.servers": scene.kafka})
    for number in range(PARTITIONS):
        place = TopicPartition(scene.name, number, 30)
        admin.delete_records([place])[place].result(30)
    code, document, _ = scene.replay(*RANGE, "0", "--to-offset", "99", "--replace", "--yes")
    assert (code, [part["lost"] for part in document["partitions"]]) == (2, [20, 20])
    assert scene.ids == [*each(0, 9), *each(30, 99)]


def test_replace_stores_all_anew_by_todays_mapping(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(500, bad_every=5)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    scene.deploy(note="Nullable(String)")
    code, document, errors = scene.replay(*RANGE, "100", "--to-offset", "199", "--replace", "--yes")
    assert code == 0, errors
    assert [(part["deleted"], part["stored"], part["quarantined"]) for part in document["partitions"]] == [
        (100, 100, 0)
    ] * 2
    assert "rolled" in errors
    assert scene.ids == sorted([*each(100, 199), *(n for n in each(0, 499) if n // PARTITIONS % 5 and n // 200 != 1)])
    assert len(scene.quarantined) == 2 * 80
    # As the warning says: the view counts what is stored anew once more.
    assert scene.counted == 2 * 400 + 2 * 100


def test_replace_asks_and_without_an_answer_does_nothing(scene: Scene) -> None:
    scene.deploy()
    scene.topic(50)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    code, document, errors = scene.replay("--since", "2020-01-01", "--replace")
    assert (code, document) == (1, {})
    assert "deleted" in errors
    assert scene.ids == each(0, 49)


def test_what_a_changed_schema_takes_leaves_quarantine(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(300, bad_every=3)
    broken = Producer({"bootstrap.servers": scene.kafka})
    broken.produce(scene.name, b"no json", partition=0)
    broken.produce(scene.name, b'{"id": 7001, "part": "x\xff"}', partition=1)
    assert broken.flush(30) == 0
    scene.commit(301)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    assert scene.replay("--quarantine")[1]["partitions"][0]["stored"] == 0
    scene.deploy(note="Nullable(String)")
    code, document, _ = scene.replay("--quarantine", "--check", KAFKA_BOOTSTRAP_SERVERS="")
    assert [(part["missing"], part["still_wrong"]) for part in document["partitions"]] == [(100, 1)] * 2
    code, document, errors = scene.replay("--quarantine", KAFKA_BOOTSTRAP_SERVERS="")
    assert code == 0, errors
    assert [(part["stored"], part["still_wrong"]) for part in document["partitions"]] == [(100, 1)] * 2
    assert (scene.ids, scene.counted) == (each(0, 299), 600)
    left = scene.rows(f"SELECT __value, c__error FROM `{scene.name}`.`{scene.name}_quarantine` ORDER BY __partition")
    assert "not valid JSON" in left[0][1][0]
    assert len(left) == 2
    assert scene.rows("SELECT min(__offset), max(__offset), uniqExact(__offset) FROM @ WHERE note IS NULL") == [
        (0, 297, 100)
    ]
    assert scene.rows("SELECT DISTINCT toDate(__timestamp) = today() FROM @") == [(1,)]


def test_a_table_that_forgets_offsets_is_refused_but_its_quarantine_moves(scene: Scene) -> None:
    scene.deploy(engine="ReplacingMergeTree")
    scene.topic(10)
    code, _, errors = scene.replay("--since", "2020-01-01")
    assert code == 1
    assert "ReplacingMergeTree, which merges rows" in errors
    bad = f"`{scene.name}`.`{scene.name}_quarantine`"
    scene.client.command(
        f"INSERT INTO {bad} (__in_topic, __in_topic_id, __in_partition, __in_offset, __in_timestamp, __in_value)"
        f" SELECT '{scene.name}', 'former', 0, number, now64(3), if(number % 4, concat('{{\"id\": ', toString(number),"
        ' \', "part": 1, "note": "n"}\'), \'{\') FROM numbers(1000)'
    )
    code, document, errors = scene.replay("--quarantine", BIRDHOUSE_INGEST_BATCH_ROWS="100")
    assert code == 0, errors
    assert [(part["stored"], part["still_wrong"]) for part in document["partitions"]] == [(750, 250)]
    assert scene.ids == [number for number in range(1000) if number % 4]
    assert scene.rows(f"SELECT count() FROM {bad}") == [(250,)]


def test_a_schema_that_is_not_deployed_is_refused(scene: Scene) -> None:
    scene.deploy()
    scene.topic(10)
    path = scene.folder / "datasources" / f"{scene.name}.datasource"
    path.write_text(path.read_text().replace("json:$.note", "json:$.remark"))
    code, _, errors = scene.replay("--quarantine")
    assert code == 1
    assert "`birdhouse deploy` first" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "2020-01-01", "--data-source", "evnts"), "there is no data source `evnts`"),
        (("--since", "2200-01-01"), "is in the future"),
        (("--partition", "7", "--from-offset", "0", "--to-offset", "1"), "has no partition 7"),
        ((), "nothing says what to replay"),
    ],
)
def test_what_is_not_there_is_refused(scene: Scene, arguments: tuple[str, ...], message: str) -> None:
    scene.deploy()
    scene.topic(1)
    code, _, errors = scene.replay(*arguments)
    assert code == 1
    assert message in errors
    assert "hint:" in errors
    assert "Traceback" not in errors


def test_without_kafka_or_a_topic_it_says_so(scene: Scene) -> None:
    scene.deploy()
    assert "there is no topic" in scene.replay("--since", "2020-01-01")[2]
    _, _, errors = scene.replay("--since", "2020-01-01", KAFKA_BOOTSTRAP_SERVERS="")
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in errors


def test_a_compacted_topic_is_not_replaced(scene: Scene) -> None:
    scene.deploy()
    compacted = NewTopic(scene.name, num_partitions=1, config={"cleanup.policy": "compact"})
    admin = AdminClient({"bootstrap.servers": scene.kafka})
    admin.create_topics([compacted])[scene.name].result(30)
    code, _, errors = scene.replay("--since", "2020-01-01", "--replace", "--yes")
    assert code == 1
    assert "is compacted" in errors


def test_every_table_that_is_made_is_a_data_source_or_has_a_name_that_none_can_take(scene: Scene) -> None:
    scene.deploy()
    scene.topic(10)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    made = {name for (name,) in scene.rows(f"SELECT name FROM system.tables WHERE database = '{scene.name}'")}
    assert made - {scene.name} == {*tables_beside(scene.name), *DATABASE_TABLES} - {LOCK_TABLE, STEPS_TABLE}
