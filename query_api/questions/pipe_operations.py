"""What the OpenAPI document says of the endpoints: a path for JSON, whose answer has one type, and one for the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from query_api.questions.json_schemas.answers import answer_schema, row_schema
from query_api.questions.json_schemas.parameters import parameter_schema
from query_api.routes import Audience, Columns, Object, Operation
from query_api.web.formats import FORMATS
from query_api.web.shared_answers import errors, good_headers
from schemas.queries.catalog import CompiledEndpoint
from schemas.template.parameters import Parameter

Method = Literal["get", "post"]


def pipe_operations(
    endpoints: Iterable[CompiledEndpoint], cache_seconds: int, method: Method, audience: Audience
) -> Iterator[Operation]:
    """Two operations for each endpoint that the audience may read.

    Answers are kept `cache_seconds` where a pipe does not say it.
    """
    for endpoint in endpoints:
        if audience.token.may("READ", endpoint.name):
            fixed = audience.token.values(endpoint.name, {})
            shown = tuple(each for each in endpoint.parameters if each.name not in fixed)
            columns = audience.columns.get(endpoint.name)
            seconds = endpoint.seconds_kept(None, cache_seconds)
            yield from _Described(endpoint, shown, columns, seconds).operations(method)


@dataclass(frozen=True, slots=True)
class _Described:
    """An endpoint with the parameters that are its caller's to give; None for columns that are not known.

    Its answers are kept `seconds`, but for those of which its template says it.
    """

    endpoint: CompiledEndpoint
    shown: tuple[Parameter, ...]
    columns: Columns | None
    seconds: int

    def operations(self, method: Method) -> Iterator[Operation]:
        name = _component(self.endpoint.name)
        row, answer = (f"#/components/schemas/{name}_{part}" for part in ("row", "answer"))
        # Both methods answer the same; it is enough when one of them says what.
        schemas = (
            {f"{name}_row": row_schema(self.columns), f"{name}_answer": answer_schema({"$ref": row})}
            if method == "get"
            else {}
        )
        path, forms = f"/v0/pipes/{self.endpoint.name}", _other_forms(self.columns)
        form = {"name": "format", "in": "path", "required": True, "schema": {"type": "string", "enum": forms}}
        json_answer: Object = {"application/json": {"schema": {"$ref": answer}}}
        yield Operation(self._described(method, "", json_answer), schemas, f"{path}.json")
        yield Operation(
            self._described(method, "_as", _other_answers(forms, row)),
            path=f"{path}.{{format}}",
            path_parameters=[form],
        )

    def _described(self, method: Method, suffix: str, answer: Object) -> Object:
        endpoint = self.endpoint
        headers = good_headers(is_kept=self._is_kept)
        good: Object = {"200": {"description": "The rows.", "headers": headers, "content": answer}}
        if self._is_kept and method == "get":
            good["304"] = {"description": "The caller has this answer already (`If-None-Match`).", "headers": headers}
        if endpoint.has_own_errors:
            good["default"] = {
                "description": "What the pipe's `custom_error()` says, with its own status.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        return {
            "operationId": f"{method}_{endpoint.name}{suffix}",
            "summary": endpoint.name,
            **({"description": description} if (description := self._description()) else {}),
            "tags": ["pipes"],
            **(self._in_url() if method == "get" else self._in_body()),
            "responses": {**good, **(errors("415") if method == "get" else errors())},
        }

    @property
    def _is_kept(self) -> bool:
        return self.seconds > 0 or self.endpoint.has_own_cache_time

    def _description(self) -> str:
        """What the pipe says of itself, and how long its answers are kept."""
        plain = f"Answers are kept for {self.seconds} seconds." if self.seconds else ""
        by_parameters = "For some parameters answers are kept for another time; `Cache-Control` says it."
        told = (self.endpoint.description, plain, by_parameters if self.endpoint.has_own_cache_time else "")
        return "\n\n".join(filter(None, told))

    def _in_url(self) -> Object:
        return {"parameters": [_parameter(each) for each in self.shown]}

    def _in_body(self) -> Object:
        body: Object = {"type": "object", "properties": {each.name: parameter_schema(each) for each in self.shown}}
        if required := [each.name for each in self.shown if each.required]:
            body["required"] = required
        contents = {kind: {"schema": body} for kind in ("application/x-www-form-urlencoded", "application/json")}
        return {"requestBody": {"content": contents}}


def _component(pipe: str) -> str:
    """A pipe's name with what OpenAPI allows in names of components: a file may be called `copy (1).pipe`."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda match: f"_{ord(match[0]):x}", pipe)


def _other_forms(columns: Columns | None) -> list[str]:
    """The extensions but JSON's; Prometheus only with the columns without which ClickHouse's format refuses."""
    is_prometheus = columns is not None and {"name", "value"} <= columns.types.keys()
    return [form for form in FORMATS if form != "json" and (form != "prometheus" or is_prometheus)]


def _other_answers(forms: Iterable[str], row: str) -> Object:
    texts: Mapping[str, Object] = {
        "application/x-ndjson": {"type": "string", "description": f"One JSON object a line: `{row}`."},
        "text/csv": {"type": "string", "description": "A header line, then one line a row."},
        "application/octet-stream": {"type": "string", "format": "binary", "description": "Parquet."},
        "text/plain": {"type": "string", "description": "Prometheus' text format."},
    }
    kinds = {FORMATS[form].content_type.partition(";")[0] for form in forms}
    return {kind: {"schema": schema} for kind, schema in texts.items() if kind in kinds}


def _parameter(parameter: Parameter) -> Object:
    found: Object = {"name": parameter.name, "in": "query", "schema": parameter_schema(parameter)}
    if parameter.description:
        found["description"] = str(parameter.description)
    if parameter.required:
        found["required"] = True
    if found["schema"]["type"] == "array":
        found |= {"style": "form", "explode": False}
    return found
