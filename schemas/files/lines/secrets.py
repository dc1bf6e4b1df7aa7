"""What the environment fills into project files: `${NAME}` and `{{ tb_secret("NAME", "default") }}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from schemas.files.lines.datafile import Line
from schemas.model import Problem

SECRET_PREFIX = "BIRDHOUSE_SECRET_"  # noqa: S105 - the name of variables, not a secret

_CONNECTOR_LINES = ("KAFKA_", "IMPORT_", "PG_", "S3_", "GCS_", "DYNAMODB_")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_GIVEN = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_QUOTED = r"""(?:"([^"\n]*)"|'([^'\n]*)')"""
_CALL = r"tb_secret\(\s*" + _QUOTED + r"\s*(?:,\s*(?:default\s*=\s*)?" + _QUOTED + r"\s*)?,?\s*\)"
_SECRET = re.compile(r"\{\{-?\s*" + _CALL + r"\s*-?\}\}")


def fill_in(
    line: Line,
    environment: Mapping[str, str],
    problems: list[Problem],
    *,
    fills_secrets: bool,
    given: Mapping[str, str],
) -> Line:
    """The line with its variables and, for `fills_secrets`, its secrets filled in.

    `given` are the names that an INCLUDE line sets for the included file, where `$NAME` is enough. A variable
    without a value stays as it is written: `${` is also an ordinary text of SQL.
    """
    filled = line
    if given and "$" in line.text:
        text = _GIVEN.sub(lambda match: given.get(match[1] or match[2], match[0]), line.text)
        filled = replace(filled, text=text, written=line.text)
    if "${" in filled.text:
        filled = _fill_variables(filled, environment, problems)
    if fills_secrets and "tb_secret" in filled.text:
        filled = _fill_secrets(filled, environment, problems)
    return filled


def _fill_variables(line: Line, environment: Mapping[str, str], problems: list[Problem]) -> Line:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if _is_private(name, line.file):
            hint = f'use {{{{ tb_secret("NAME") }}}} and set {SECRET_PREFIX}NAME'
            text = f"`${{{name}}}` names a secret of the services, which files may not read"
            problems.append(line.problem(text, hint, column=match.start() + 1))
            return match[0]
        if name not in environment:
            text = f"`${{{name}}}` has no value and stays as it is"
            problems.append(line.problem(text, f"set {name}", column=match.start() + 1, warning=True))
        return environment.get(name, match[0])

    return replace(line, text=_VARIABLE.sub(value, line.text), written=line.written or line.text)


def _is_private(name: str, file: str) -> bool:
    """Whether a variable is none of a project's business: a pipe's SQL could answer it to any caller."""
    if name.startswith("BIRDHOUSE_") or name == "CLICKHOUSE_PASSWORD":
        return True
    return "PASSWORD" in name and not file.endswith(".connection")


def _fill_secrets(line: Line, environment: Mapping[str, str], problems: list[Problem]) -> Line:
    # The brokers of the environment beat those of a connection: what a connection lacks may not be needed. A data
    # source is deployed without what its connector lines lack, and takes no events until it has it.
    is_bearable = line.file.endswith(".connection") or line.text.startswith(_CONNECTOR_LINES)
    values: list[str] = []

    def value(match: re.Match[str]) -> str:
        name = match[1] if match[1] is not None else match[2]
        default = match[3] if match[3] is not None else match[4]
        variable = SECRET_PREFIX + name
        found = environment.get(variable, environment.get(re.sub(r"\W", "_", variable).upper()))
        if found:
            values.append(found)
        elif found is None and default is None:
            hint = f'set {variable}, or give a default: tb_secret("{name}", "…")'
            if is_bearable:
                hint += "; what needs it does nothing until then"
            text = f"the secret `{name}` has no value"
            problems.append(line.problem(text, hint, column=match.start() + 1, warning=is_bearable))
        return found if found is not None else default or ""

    text = _SECRET.sub(value, line.text)
    if text == line.text and "{{" in text and not text.lstrip().startswith(("#", "--")):
        hint = 'write {{ tb_secret("NAME", "default") }}'
        column = text.index("tb_secret") + 1
        problems.append(line.problem("this call of tb_secret is not understood", hint, column=column))
    return replace(line, text=text, written=line.written or line.text, secrets=tuple(values))
