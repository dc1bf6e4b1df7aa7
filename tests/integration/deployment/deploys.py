"""A data source, what may change of it, and deploys of it."""

from __future__ import annotations

from collections.abc import Callable

from clickhouse_connect.driver.client import Client

from service.deployment.apply import apply
from service.deployment.plan import Plan, read_plan

Plans = Callable[..., Plan]
"""Plans a deploy of data sources, name → text."""

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


def changed(edit: tuple[str, str]) -> str:
    assert edit[0] in EVENTS
    return EVENTS.replace(*edit)


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
