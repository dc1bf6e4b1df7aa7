"""Whether the deployed schema is the project's."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingest_worker.observing.observations import Observation
from service.observing.declared import Line, Without


@dataclass(frozen=True, slots=True)
class SchemaDiffers(Observation):
    """The deployed schema is not the project's."""

    log = Line(logging.ERROR, "the deployed schema is not the project's")
    metrics = Without("`schema_differences` of the status counts what differs")

    database: str
    plan: str
    hint: str


@dataclass(frozen=True, slots=True)
class SchemaMatches(Observation):
    """The deployed schema is the project's again."""

    log = Line(logging.INFO, "the deployed schema is the project's again")
    metrics = Without("`schema_differences` of the status shows it")

    database: str


@dataclass(frozen=True, slots=True)
class SchemaApplied(Observation):
    log = Line(logging.INFO, "deployed the project's schema")
    metrics = Without("it happens at a start alone")

    database: str
    plan: str
