"""Plans and deploys on real engines: what they create, change and refuse, and what is left when one dies half-way."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.model import Project
from schemas.own_names import CLOSED_CONSTRAINT, FENCE_TABLE, LOCK_TABLE, passage_tables, views
from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.tables.change import Effect
from schemas.tables.ddl.tables import quarantine_ddl, table_ddl
from schemas.tables.source_shape import shape_of
from service.deployment.apply import apply
from service.deployment.plan import Plan, read_plan
from service.errors import RefusedPlanError
from tests.schemas.mapping.engines import ENGINES, connector
from tests.schemas.mapping.mapped import Mapped, project_of

EVENTS = """\
SCHEMA >
    `id` String `json:$.id`,
    `user` String `json:$.user` DEFAULT 'nobody' CODEC(ZSTD(1)),
    `size` Int32 `json:$.size` DEFAULT 0,
    `at` DateTime `json:$.at` DEFAULT now()

ENGINE "MergeTree"
ENGINE_PARTITION_KEY "toYYYYMM(at)"
ENGINE_SORTING_KEY "at, id"
"""
OBJECTS = {
    *("events", "events_quarantine", FENCE_TABLE),
    *(*passage_tables("events"), *views("events")),
}


@pytest.fixture(params=ENGINES)
def connect(request: pytest.FixtureRequest) -> Callable[[], Client]:
    return connector(request)


@pytest.fixture
def client(connect: Callable[[], Client]) -> Iterator[Client]:
    client = connect()
    yield client
    client.close()


@pytest.fixture
def database(client: Client) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    yield name
    client.command(f"DROP DATABASE IF EXISTS `{name}` SYNC")


Plans = Callable[..., Plan]


@pytest.fixture
def plan_of(client: Client, database: str, tmp_path: Path) -> Plans:
    """Plans a deploy of data sources, name → text."""

    def plan(**texts: str) -> Plan:
        folder = tmp_path / uuid.uuid4().hex
        project = project_of(folder, {f"{name}.datasource": text for name, text in texts.items()})
        return read_plan(client, project, database)

    return plan


def state(client: Client, database: str) -> list[tuple[object, ...]]:
    """Everything that a database holds, and when each of its tables was last changed."""
    query = (
        "SELECT name, toString(uuid), create_table_query, metadata_modification_time FROM system.tables"
        f" WHERE database = '{database}' ORDER BY name"
    )
    return [tuple(row) for row in client.query(query).result_rows]


def deploy(client: Client, plan: Plan) -> None:
    apply(client, plan)
    again = read_plan(client, plan.project, plan.database)
    assert again.is_empty, again.render()


def test_a_deploy_creates_everything_and_the_next_has_nothing_to_do(
    client: Client, database: str, plan_of: Plans
) -> None:
    plan = plan_of(events=EVENTS)
    assert plan.creates_database
    assert plan.only_adds
    deploy(client, plan)
    before = state(client, database)
    assert {row[0] for row in before} == OBJECTS
    again = plan_of(events=EVENTS)
    assert again.render() == f"nothing to do: `{database}` holds what the project says"
    assert apply(client, again) is again
    assert state(client, database) == before


def test_reading_a_plan_changes_nothing(client: Client, database: str, plan_of: Plans) -> None:
    plan_of(events=EVENTS)
    assert client.query(f"SELECT name FROM system.databases WHERE name = '{database}'").result_rows == []
    deploy(client, plan_of(events=EVENTS))
    before = state(client, database)
    assert not plan_of(
        events=EVENTS.replace("SCHEMA >\n", "SCHEMA >\n    `new` Int8 `json:$.new` DEFAULT 1,\n")
    ).is_empty
    assert state(client, database) == before


def test_the_example_project_is_deployed_and_deployed_again(client: Client, database: str) -> None:
    plan = read_plan(client, load_project(EXAMPLE_PROJECT, environment={}), database)
    assert plan.only_adds
    deploy(client, plan)


ADDITIONS = {
    "a column at the end": ("    `at` DateTime", "    `new` String `json:$.new` DEFAULT 'old',\n    `at` DateTime"),
    "a column at the start": ("SCHEMA >\n", "SCHEMA >\n    `new` Array(Int32) `json:$.new[:]` DEFAULT [],\n"),
    "a required column": ("SCHEMA >\n", "SCHEMA >\n    `new` String `json:$.new`,\n"),
    "an index": (
        "ENGINE_SORTING_KEY",
        "INDEXES >\n    by_user user TYPE bloom_filter(0.01) GRANULARITY 2\n\nENGINE_SORTING_KEY",
    ),
    "a projection": (
        "ENGINE_SORTING_KEY",
        "# birdhouse: PROJECTION by_user (SELECT * ORDER BY user, at)\nENGINE_SORTING_KEY",
    ),
    "a JSONPath": ("`json:$.size`", "`json:$.sizes.total`"),
}
ALTERATIONS = {
    "a TTL": ("ENGINE_SORTING_KEY", 'ENGINE_TTL "at + INTERVAL 9000 DAY"\nENGINE_SORTING_KEY'),
    "a setting": ("ENGINE_SORTING_KEY", 'ENGINE_SETTINGS "merge_with_ttl_timeout=3600"\nENGINE_SORTING_KEY'),
    "another DEFAULT": ("DEFAULT 0", "DEFAULT length(id)"),
    "no DEFAULT": (" DEFAULT 0", ""),
    "another CODEC": ("ZSTD(1)", "ZSTD(3)"),
    "no CODEC": (" CODEC(ZSTD(1))", ""),
    "a nullable column": ("Int32", "Nullable(Int32)"),
}
REFUSALS = {
    "another type": ("Int32", "Int64"),
    "no longer nullable": ("String `json:$.id`", "LowCardinality(String) `json:$.id`"),
    "a column less": ("    `size` Int32 `json:$.size` DEFAULT 0,\n", ""),
    "another sorting key": ('"at, id"', '"id, at"'),
    "another partition key": ("toYYYYMM", "toYear"),
    "another engine": ('"MergeTree"', '"ReplacingMergeTree"'),
    "another primary key": ("ENGINE_SORTING_KEY", "ENGINE_PRIMARY_KEY at\nENGINE_SORTING_KEY"),
}


def changed(edit: tuple[str, str]) -> str:
    assert edit[0] in EVENTS
    return EVENTS.replace(*edit)


@pytest.mark.parametrize("edit", [*ADDITIONS.values(), *ALTERATIONS.values()], ids=[*ADDITIONS, *ALTERATIONS])
def test_a_change_is_made_with_the_data_kept_and_can_be_taken_back(
    client: Client, database: str, plan_of: Plans, edit: tuple[str, str]
) -> None:
    deploy(client, plan_of(events=EVENTS))
    row = "INSERT INTO `{0}`.events (id, user, size, at) VALUES ('kept', 'u', 5, '2025-05-12 07:04:14')"
    client.command(row.format(database))
    plan = plan_of(events=changed(edit))
    assert plan.only_adds == (edit in ADDITIONS.values())
    deploy(client, plan)
    stored = client.query(f"SELECT id, user, size, toString(at, 'UTC') FROM `{database}`.events").result_rows
    assert [tuple(found) for found in stored] == [("kept", "u", 5, "2025-05-12 07:04:14")]
    back = plan_of(events=EVENTS)
    if "new" in edit[1] or "Nullable" in edit[1]:
        assert back.refused
    else:
        deploy(client, back)


@pytest.mark.parametrize("edit", REFUSALS.values(), ids=REFUSALS)
def test_what_would_lose_data_is_refused_and_nothing_is_changed(
    client: Client, database: str, plan_of: Plans, edit: tuple[str, str]
) -> None:
    deploy(client, plan_of(events=EVENTS))
    before = state(client, database)
    plan = plan_of(events=changed(edit), others=EVENTS)
    assert [change.effect for change in plan.refused] == [Effect.REFUSED]
    assert plan.refused[0].hint
    with pytest.raises(RefusedPlanError, match="refused  events: "):
        apply(client, plan)
    assert state(client, database) == before


def test_a_plan_that_has_become_wrong_meanwhile_is_refused(client: Client, database: str, plan_of: Plans) -> None:
    stale = plan_of(events=changed(REFUSALS["another type"]))
    deploy(client, plan_of(events=EVENTS))
    before = state(client, database)
    with pytest.raises(RefusedPlanError):
        apply(client, stale)
    assert state(client, database) == before


def test_a_new_column_is_filled_from_then_on(client: Client, database: str, plan_of: Plans, tmp_path: Path) -> None:
    first = plan_of(events=EVENTS)
    mapped = Mapped(client, database, first.project)
    mapped.deploy()
    mapped.insert("events", [b'{"id":"before","new":"ignored"}'])
    mapped.project = plan_of(events=changed(ADDITIONS["a column at the end"])).project
    mapped.deploy()
    mapped.insert("events", [b'{"id":"after","new":"taken"}', b'{"id":5.5,"new":"bad","size":"x"}'])
    assert mapped.query("SELECT id, new FROM {table} ORDER BY id", "events") == [("after", "taken"), ("before", "old")]
    assert mapped.query("SELECT id, new FROM {table}", "events_quarantine") == [("5.5", "bad")]


HAND_MADE = """\
CREATE TABLE `{0}`.events (id String, user String DEFAULT 'nobody', size Int32, at DateTime)
ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY {1}
"""


def test_a_table_made_by_hand_is_taken_over_with_its_rows(client: Client, database: str, plan_of: Plans) -> None:
    client.command(f"CREATE DATABASE `{database}`")
    client.command(HAND_MADE.format(database, "(at, id)"))
    client.command(f"INSERT INTO `{database}`.events VALUES ('kept', 'u', 5, '2025-05-12 07:04:14')")
    plan = plan_of(events=EVENTS)
    assert not plan.refused
    deploy(client, plan)
    mapped = Mapped(client, database, plan.project)
    mapped.deploy()
    mapped.insert("events", [b'{"id":"new"}'], token="once")
    mapped.insert("events", [b'{"id":"new"}'], first=0, token="once")
    assert mapped.query("SELECT id FROM {table} ORDER BY id", "events") == [("kept",), ("new",)]


def test_a_table_made_by_hand_with_another_key_is_not_touched(client: Client, database: str, plan_of: Plans) -> None:
    client.command(f"CREATE DATABASE `{database}`")
    client.command(HAND_MADE.format(database, "id"))
    before = state(client, database)
    plan = plan_of(events=EVENTS)
    assert "the sorting key is `id` and should become `at, id`" in plan.render()
    with pytest.raises(RefusedPlanError):
        apply(client, plan)
    assert state(client, database) == before


def test_four_deploys_at_the_same_moment_make_one(
    client: Client, connect: Callable[[], Client], database: str, plan_of: Plans
) -> None:
    project = plan_of(events=EVENTS, others=EVENTS).project
    start, failures = threading.Barrier(4), list[BaseException]()

    def run() -> None:
        own = connect()
        try:
            start.wait(timeout=30)
            apply(own, read_plan(own, project, database))
        except BaseException as error:
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=90)
    assert failures == []
    assert read_plan(client, project, database).is_empty
    assert LOCK_TABLE not in {row[0] for row in state(client, database)}


def deployed_in_part(client: Client, plan: Plan, statements: int) -> None:
    for statement in plan.statements[:statements]:
        client.command(statement)


def refusal_of(mapped: Mapped) -> DatabaseError | None:
    """Why an insert of one message is refused; None when it is not."""
    try:
        mapped.insert("events", [b'{"id":"sent"}'])
    except DatabaseError as error:
        return error
    return None


def test_a_deploy_that_dies_anywhere_loses_no_message_and_the_next_one_ends_its_work(
    client: Client, database: str, plan_of: Plans
) -> None:
    mapped = Mapped(client, database, plan_of(events=EVENTS).project)
    mapped.deploy()
    closed, sent = 0, 0
    steps = len(plan_of(events=changed(ADDITIONS["a JSONPath"])).statements)
    assert steps > 10
    for number in range(steps):
        text = changed(ADDITIONS["a JSONPath"]) if number % 2 == 0 else EVENTS
        plan = plan_of(events=text)
        deployed_in_part(client, plan, number + 1)
        refused = refusal_of(mapped)
        if refused is None:
            sent += 1
        else:
            # The door is closed, or for a moment not there.
            assert refused.code == 60 or (refused.code == 469 and CLOSED_CONSTRAINT in str(refused))
            closed += 1
        assert mapped.query("SELECT count() FROM {table}", "events") == [(sent,)]
        deploy(client, read_plan(client, plan.project, database))
        mapped.insert("events", [b'{"id":"after"}'])
        sent += 1
        assert mapped.query("SELECT count() FROM {table}", "events") == [(sent,)]
    assert closed > 5


def test_a_door_that_a_dead_deploy_left_closed_is_opened_though_nothing_else_differs(
    client: Client, database: str, plan_of: Plans
) -> None:
    mapped = Mapped(client, database, plan_of(events=EVENTS).project)
    mapped.deploy()
    client.command(f"INSERT INTO `{database}`.`{FENCE_TABLE}` VALUES ('events', 4711)")
    assert refusal_of(mapped) is not None
    plan = plan_of(events=EVENTS)
    assert plan.only_opens
    assert plan.closed == {"events"}
    deploy(client, plan)
    assert refusal_of(mapped) is None


FORWARD = [(EVENTS, EVENTS.replace(*edit)) for edit in (*ADDITIONS.values(), *ALTERATIONS.values())]
BACK = [(EVENTS.replace(*edit), EVENTS) for edit in (ADDITIONS["an index"], *list(ALTERATIONS.values())[:4])]


@pytest.mark.parametrize(("before", "after"), [*FORWARD, *BACK])
def test_a_change_of_a_table_that_dies_anywhere_is_ended_by_the_next_deploy(
    client: Client, database: str, plan_of: Plans, before: str, after: str
) -> None:
    before, after = (re.sub(r"`json:[^`]*`", "", text) for text in (before, after))
    deploy(client, plan_of(events=before))
    for number in range(len(plan_of(events=after).statements)):
        deployed_in_part(client, plan_of(events=after), number + 1)
        deploy(client, plan_of(events=after))
        client.command(f"DROP TABLE `{database}`.events SYNC")
        deploy(client, plan_of(events=before))


def test_a_first_deploy_that_dies_anywhere_is_ended_by_the_next(client: Client, database: str, plan_of: Plans) -> None:
    for number in range(len(plan_of(events=EVENTS).statements)):
        deployed_in_part(client, plan_of(events=EVENTS), number + 1)
        deploy(client, plan_of(events=EVENTS))
        client.command(f"DROP DATABASE `{database}` SYNC")


ENGINE_FILES = {
    "replacing": "ENGINE ReplacingMergeTree\nENGINE_SORTING_KEY a\nENGINE_VER v\nENGINE_IS_DELETED d\n",
    "summing": "ENGINE SummingMergeTree\nENGINE_SORTING_KEY a\nENGINE_COLUMNS v\n",
    "aggregating": "ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY a\n",
    "collapsing": "ENGINE CollapsingMergeTree\nENGINE_SORTING_KEY a\nENGINE_SIGN s\n",
    "versioned": "ENGINE VersionedCollapsingMergeTree\nENGINE_SORTING_KEY a\nENGINE_SIGN s\nENGINE_VERSION v\n",
    "nothing": "ENGINE Null\n",
    "plain": "",
    "joined": "ENGINE Join\nENGINE_JOIN_STRICTNESS ANY\nENGINE_JOIN_TYPE LEFT\nENGINE_KEY_COLUMNS a\n",
}


def test_every_engine_is_created_and_compared_with_itself(client: Client, database: str, plan_of: Plans) -> None:
    schema = "SCHEMA >\n    a String,\n    v UInt32,\n    d UInt8,\n    s Int8\n\n"
    fed = re.sub(r"(\w) (\w+)(,?)\n", r"\1 \2 `json:$.\1`\3\n", schema)
    texts = {name: schema + text for name, text in ENGINE_FILES.items()}
    texts |= {f"fed_{name}": fed + text for name, text in ENGINE_FILES.items() if name != "joined"}
    deploy(client, plan_of(**texts))
    engines = {str(row[0]): row for row in state(client, database)}
    assert set(texts) <= set(engines)


def test_keys_may_name_the_hidden_columns(client: Client, database: str, plan_of: Plans) -> None:
    keys = {"toYYYYMM(at)": "toYYYYMM(__timestamp)", "at, id": "__timestamp, __offset"}
    text = EVENTS
    for shown, hidden in keys.items():
        text = text.replace(shown, hidden)
    plan = plan_of(events=text)
    mapped = Mapped(client, database, plan.project)
    mapped.deploy()
    assert read_plan(client, plan.project, database).is_empty
    offsets = mapped.insert("events", [b'{"id":"b"}', b'{"id":"a"}'])
    assert list(mapped.rows("events", ["id"], offsets).values()) == [{"id": "b"}, {"id": "a"}]


def test_names_that_need_quotes_are_deployed_and_filled(client: Client, tmp_path: Path, database: str) -> None:
    odd = f"{database} of'`tests-1"
    columns = ["`x.y` Int32 `json:$.x.y`", "`a-b` String `json:$.['a-b']`", "`select` Array(String) `json:$.s[:]`"]
    schema = "SCHEMA >\n    " + ",\n    ".join(columns) + "\n"
    project: Project = project_of(tmp_path, {"A.b-c.datasource": schema + "\nENGINE_SORTING_KEY `a-b`\n"})
    mapped = Mapped(client, odd, project)
    try:
        mapped.deploy()
        mapped.insert("A.b-c", [b'{"x":{"y":5},"a-b":"d","s":["z"]}', b"{}"])
        assert mapped.query("SELECT * FROM {table}", "A.b-c") == [(5, "d", ["z"])]
        assert list(mapped.reasons("A.b-c")) == [1]
    finally:
        mapped.drop()


def test_quarantine_is_as_durable_as_the_file_wants_the_table(tmp_path: Path) -> None:
    (tmp_path / "events.datasource").write_text(
        EVENTS + 'ENGINE_SETTINGS "index_granularity=1024, fsync_after_insert=1"\n'
    )
    tables = [text for text in _created(load_project(tmp_path, environment={})) if "MergeTree" in text]
    assert [text.count("fsync_after_insert") for text in tables] == [1, 1]
    assert sum("index_granularity" in text for text in tables) == 1


def _created(project: Project) -> list[str]:
    (data_source,) = project.data_sources.values()
    shape = shape_of(data_source)
    return [table_ddl(shape, "d"), quarantine_ddl(shape, "d")]


def test_a_projection_answers_what_is_stored_and_never_what_was_deleted(
    client: Client, database: str, plan_of: Plans
) -> None:
    deploy(client, plan_of(events=EVENTS))
    table = f"`{database}`.events"
    insert = (
        f"INSERT INTO {table} (id, user, at) SELECT toString(number), {{}}, '2025-05-12 07:04:14' FROM numbers({{}})"
    )
    client.command(insert.format("concat('u', number % 100)", 100_000))
    at_once = {"mutations_sync": 2, "lightweight_deletes_sync": 2}
    client.command(f"DELETE FROM {table} WHERE user = 'u1'", settings=at_once)
    edit = ADDITIONS["a projection"]
    plan = plan_of(events=changed(edit))
    assert "add the projection `by_user` and build it" in plan.render()
    deploy(client, plan)
    _await_mutations(client, database)
    client.command(insert.format("concat('v', number % 100)", 20_000))

    def rows(user: str) -> tuple[int, int]:
        answer = client.query(f"SELECT id, at FROM {table} WHERE user = {{user:String}}", parameters={"user": user})
        return answer.row_count, int(answer.summary["read_rows"])

    assert rows("u1")[0] == 0
    found, read = rows("u2")
    assert found == 1_000
    assert read <= 4 * 8_192
    client.command(f"DELETE FROM {table} WHERE user = 'u2'", settings=at_once)
    assert rows("u2")[0] == 0
    assert rows("u3")[0] == 1_000


def _await_mutations(client: Client, database: str) -> None:
    pending = "SELECT count() FROM system.mutations WHERE database = {database:String} AND NOT is_done"
    give_up = time.monotonic() + 60
    while client.query(pending, parameters={"database": database}).result_rows[0][0]:
        assert time.monotonic() < give_up, "a mutation does not end"
        time.sleep(0.1)
