"""A database in memory, as far as plans and locks look at one: tables with a comment and an age, and a record of what
was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.model import Column, ColumnType, DataSource, Project
from service.deployment.plan import Plan, read_plan

TABLE_ALREADY_EXISTS = 57


@dataclass
class Database:
    """Answers a client's `command` and `query`. Tables are name → (comment, age in seconds)."""

    tables: dict[str, tuple[str, int]] = field(default_factory=dict)
    exists: bool = True
    commands: list[str] = field(default_factory=list)
    fails_at: str = "\0"  # a statement with this text fails
    left_over: tuple[str, ...] = ()  # databases of rehearsals
    running: tuple[str, ...] = ()  # holders of locks of whom a statement runs

    def command(self, statement: str) -> None:
        statement = re.sub(r"^/\*.*?\*/ ", "", statement)
        self.commands.append(statement)
        if self.fails_at in statement:
            error = DatabaseError("Code: 62. DB::Exception: it does not work")
            error.code = 62
            raise error
        if "__rehearsal_" in statement:
            return
        name = statement.split("`")[3] if statement.count("`") > 3 else ""
        if statement.startswith("CREATE TABLE") and name in self.tables:
            error = DatabaseError("Code: 57. DB::Exception: Table already exists")
            error.code = TABLE_ALREADY_EXISTS
            raise error
        if statement.startswith("CREATE TABLE"):
            comment = re.search(r"COMMENT '(.*)'$", statement, re.DOTALL)
            self.tables[name] = (comment[1] if comment else "", 0)
        elif statement.startswith("DROP TABLE"):
            self.tables.pop(name, None)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> SimpleNamespace:
        rows: list[tuple[Any, ...]] = []
        if "beginning" in parameters:
            rows = [(name,) for name in self.left_over if name.startswith(parameters["beginning"])]
        elif "system.databases" in sql:
            rows = [(parameters["database"],)] if self.exists else []
        elif "system.processes" in sql:
            rows = [(int(any(running in parameters["mark"] for running in self.running)),)]
        elif "name" in parameters and parameters["name"] in self.tables:
            comment, age = self.tables[parameters["name"]]
            rows = [(comment, age)] if "dateDiff" in sql else [(comment,)]
        return SimpleNamespace(result_rows=rows)


PROJECT = Project(Path(), {"events": DataSource("events", (Column("id", ColumnType("String", "String")),))}, {})


def client_of(database: Database) -> Client:
    return cast("Client", database)


def plan_of(database: Database) -> Plan:
    return read_plan(client_of(database), PROJECT, "db")


def no_sleep(_: float) -> None:
    raise AssertionError("there is nothing to wait for")
