"""What names in an environment mean: whose they are, and which of them hold secrets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping

PREFIX = "BIRDHOUSE_"
# `{{ tb_secret("NAME") }}` in a project's file reads BIRDHOUSE_SECRET_NAME: these names are the project's, not ours.
PROJECT_NAMES = "BIRDHOUSE_SECRET_"
# One environment (a compose file, a Helm chart, `birdhouse run`) may serve several processes, so each leaves the
# others' names alone.
PROCESS_PREFIXES = ("BIRDHOUSE_INGEST_", "BIRDHOUSE_API_", "BIRDHOUSE_RUN_", "BIRDHOUSE_TESTS_")
RUN_NAMES = frozenset({"BIRDHOUSE_DATA"})

_SECRET_WORD = re.compile(r"PASSWORD|SECRET|TOKEN|PEM(_|$)|_KEY(_|$)")
# Settings whose names sound like a secret's and whose values are paths.
_PATHS = frozenset({"CLICKHOUSE_KEY_FILE"})
_OUR_NAMES = re.compile(r"(BIRDHOUSE|CLICKHOUSE|KAFKA)_")
# Kubernetes tells every pod about every Service `kafka` of its namespace in names of this form.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$")


def is_secret_name(name: str) -> bool:
    """Whether a variable's name says that its value must never be shown."""
    return _SECRET_WORD.search(name.upper()) is not None and name.upper() not in _PATHS


def is_service_link(name: str) -> bool:
    """Whether Kubernetes, not a person, set this variable (https://kubernetes.io/docs/concepts/services-networking/service/)."""
    return _SERVICE_LINK.search(name) is not None


def secret_values(environment: Mapping[str, str]) -> frozenset[str]:
    """The values in an environment that must never be shown: those of our names that speak of a secret."""
    return frozenset(
        value for name, value in environment.items() if value and _OUR_NAMES.match(name) and is_secret_name(name)
    )


def closest(name: str, known: Collection[str]) -> str | None:
    """The known name that `name` is most probably a misspelling of."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.75)), None)
