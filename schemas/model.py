"""What a project says, as frozen values: data sources, pipes, connections and what was found wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

Permission = Literal["READ", "APPEND"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file relative to the project folder, a line and a column, both from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file. A warning leaves the project usable, an error does not."""

    place: Place
    message: str
    hint: str = ""
    source_line: str = ""
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A ClickHouse type, taken apart.

    `Nullable(DateTime64(3, 'UTC'))` has the family `Nullable`, no parameters and one inner type, whose
    family is `DateTime64` and whose parameters are the texts `3` and `'UTC'`. Members of a Tuple or Nested
    are inner types too, with their names in `names` (empty when unnamed). Types whose parameters are no
    plain list of types (Enum, JSON, AggregateFunction) keep every argument as text in `parameters`.
    """

    family: str
    text: str
    parameters: tuple[str, ...] = ()
    inner: tuple[ColumnType, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def is_nullable(self) -> bool:
        """Whether a NULL can be stored: `Nullable(T)` or `LowCardinality(Nullable(T))`."""
        return self.family == "Nullable" or (self.family == "LowCardinality" and self.inner[0].is_nullable)

    @property
    def bare(self) -> ColumnType:
        """The type without LowCardinality and Nullable around it."""
        return self.inner[0].bare if self.family in ("Nullable", "LowCardinality") else self


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A JSONPath of the kinds that data sources use.

    `$.a.b` has the keys `a`, `b`; `$` has none. `$.a[:]` also has an empty `element`, `$.a[:].b` the
    element `("b",)`: the path within each member of the array; without `[:]` the element is None.
    """

    text: str
    keys: tuple[str, ...]
    element: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a SCHEMA; `default` and `codec` are ClickHouse text as written (codec: what is in its brackets)."""

    name: str
    type: ColumnType | None  # None: left out, ClickHouse infers it from the DEFAULT
    json_path: JsonPath | None = None
    default: str | None = None
    codec: str | None = None
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Index:
    """A data-skipping index: `type` with its arguments, e.g. `bloom_filter(0.01)`."""

    name: str
    expression: str
    type: str
    granularity: int | None = None
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Projection:
    """Columns of a table kept a second time in another order: ClickHouse's text of the columns, and of the keys."""

    name: str
    columns: str
    keys: str
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Engine:
    """The table engine and its clauses, each the text of the file without quotes around it, None when left out."""

    name: str = "MergeTree"
    partition_key: str | None = None
    sorting_key: str | None = None
    primary_key: str | None = None
    sampling_key: str | None = None
    ttl: str | None = None
    settings: str | None = None
    version: str | None = None  # ENGINE_VER of Replacing, ENGINE_VERSION of VersionedCollapsing
    is_deleted: str | None = None
    sign: str | None = None
    columns: tuple[str, ...] = ()  # of Summing
    join_strictness: str | None = None
    join_type: str | None = None
    key_columns: tuple[str, ...] = ()
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Token:
    """A token that a file grants something: the same name in several files is one token with many scopes."""

    name: str
    permission: Permission
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """The KAFKA_ lines of a data source: where its events come from."""

    connection: str
    topic: str  # empty while a secret of these lines has no value
    group_id: str
    auto_offset_reset: Literal["earliest", "latest", "none"] = "latest"
    store_raw_value: bool = False
    store_headers: bool = False
    key_format: str | None = None
    value_format: str | None = None
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class DataSource:
    """One `.datasource` file."""

    name: str
    columns: tuple[Column, ...]
    engine: Engine = Engine()
    indexes: tuple[Index, ...] = ()
    projections: tuple[Projection, ...] = ()
    tokens: tuple[Token, ...] = ()
    kafka: KafkaSource | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    shared_with: tuple[str, ...] = ()
    forward_query: str | None = None
    backfill: str | None = None
    # Instructions that are read and kept but that nothing acts on yet (imports, Postgres), name → value.
    others: Mapping[str, str] = field(default_factory=dict)
    source: str = ""  # the file's text
    # The view of the node that describes it by ENGINE lines (Classic), as no file does: its SELECT gives the columns.
    described_by: str = ""
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`TYPE endpoint`: the node is answered over HTTP.

    `cache_seconds`: how long an answer may be kept (`CACHE`), 0 for not at all, None where the file does not say.
    """

    type_name: ClassVar[str] = "endpoint"
    cache_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Materialization:
    """`TYPE materialized`: what comes into the tables that the node reads is written on into the data source `target`.

    `engine` is from Classic, whose files describe the target here: None without its ENGINE lines.
    """

    type_name: ClassVar[str] = "materialized"
    target: str
    deployment_method: Literal["alter"] | None = None
    engine: Engine | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """`TYPE copy`: what the node answers is written into the data source `target`, at the times of `schedule`.

    `schedule` is a cron expression, `@on-demand` or `@once`.
    """

    type_name: ClassVar[str] = "copy"
    target: str
    schedule: str = "@on-demand"
    mode: Literal["append", "replace"] = "append"
    on_demand_compute: str | None = None


@dataclass(frozen=True, slots=True)
class Sink:
    """`TYPE sink`: what the node answers is written to a topic, or to files in a bucket, over a connection.

    `service` is Classic's word for what kind of connection it is.
    """

    type_name: ClassVar[str] = "sink"
    connection: str | None = None
    schedule: str = "@on-demand"
    kafka_topic: str | None = None
    bucket_uri: str | None = None
    file_template: str | None = None
    format: str | None = None
    compression: str | None = None
    write_strategy: str | None = None
    service: str | None = None


NodeKind = Endpoint | Materialization | Copy | Sink


@dataclass(frozen=True, slots=True)
class Node:
    """One NODE of a pipe. `sql` is the block's text, common indentation and outer blank lines removed."""

    name: str
    sql: str
    kind: NodeKind | None = None  # None: a node that others read, and no more
    description: str = ""
    place: Place = Place("")
    # Where the first character of `sql` stands in the file.
    sql_place: Place = Place("")

    @property
    def type_name(self) -> str:
        """The node's TYPE, as a file says it."""
        return "standard" if self.kind is None else self.kind.type_name


@dataclass(frozen=True, slots=True)
class Pipe:
    """One `.pipe` file."""

    name: str
    nodes: tuple[Node, ...]
    tokens: tuple[Token, ...] = ()
    description: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""  # the file's text
    place: Place = Place("")

    @property
    def endpoint(self) -> Node | None:
        """The node that is answered over HTTP, if the pipe is an endpoint."""
        return next((node for node in self.nodes if isinstance(node.kind, Endpoint)), None)


@dataclass(frozen=True, slots=True)
class Connection:
    """One `.connection` file: upper-case setting name → value, secrets already filled in (never print them)."""

    name: str
    type: str
    settings: Mapping[str, str]
    place: Place = Place("")


@dataclass(frozen=True, slots=True)
class Project:
    """A whole folder that was read without an error; names are unique over data sources and pipes.

    `set_aside` are data sources and pipes that are in the folder and were left out because something is wrong with
    them, with the names of their views: whatever ClickHouse has of them stays as it is. `targets_set_aside` are what
    these views write into. `digest` tells one state of the folder's files from another, whatever is filled into them.
    """

    folder: Path
    data_sources: Mapping[str, DataSource]
    pipes: Mapping[str, Pipe]
    connections: Mapping[str, Connection] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    set_aside: frozenset[str] = frozenset()
    targets_set_aside: frozenset[str] = frozenset()
    digest: str = ""
