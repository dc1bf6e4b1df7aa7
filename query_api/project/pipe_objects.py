"""Pipes as the objects that Tinybird's tools read. What nobody here knows (who edited it, and when) is null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from query_api.ids import resource_id
from schemas.model import Materialization, Node, Pipe
from schemas.queries.catalog import Catalog
from schemas.queries.nodes import NodeKey
from schemas.template.parameters import Parameter
from schemas.template.values.json_values import plain

Object = dict[str, Any]


def pipe_object(catalog: Catalog, pipe: Pipe, base_url: str) -> Object:
    """Everything there is to tell of a pipe."""
    endpoint = pipe.endpoint
    return {
        "id": resource_id(pipe.name),
        "name": pipe.name,
        "description": pipe.description,
        "content": pipe.source,
        "type": (endpoint or pipe.nodes[-1]).type_name if pipe.nodes else "standard",
        "endpoint": None if endpoint is None else resource_id(pipe.name, endpoint.name),
        "nodes": [_node_object(catalog, pipe, node) for node in pipe.nodes],
        "tags": list(pipe.tags),
        "parent": None,
        "path": f"/v0/pipes/{pipe.name}",
        "url": None if endpoint is None else f"{base_url}/v0/pipes/{pipe.name}.json",
        "workspace_id": None,
        "created_at": None,
        "updated_at": None,
        "edited_by": None,
        "last_commit": None,
    }


def only(pipe: Object, attributes: Sequence[str], node_attributes: Sequence[str], *, has_dependencies: bool) -> Object:
    """A pipe of a list: with `attributes`, those alone and its `url`; nodes likewise; dependencies where asked for."""
    kept = {name: value for name, value in pipe.items() if not attributes or name in attributes or name == "url"}
    if "nodes" in kept:
        kept["nodes"] = [
            {
                name: value
                for name, value in node.items()
                if (not node_attributes or name in node_attributes)
                and (has_dependencies or name != "dependencies" or name in node_attributes)
            }
            for node in kept["nodes"]
        ]
    return kept


def _node_object(catalog: Catalog, pipe: Pipe, node: Node) -> Object:
    key = NodeKey(pipe.name, node.name)
    reads = catalog.graph[key]
    names = [other.node if other.pipe == pipe.name else other.pipe for other in reads.nodes]
    return {
        "id": resource_id(pipe.name, node.name),
        "name": node.name,
        "sql": node.sql,
        "description": node.description,
        "node_type": node.type_name,
        "dependencies": sorted({*names, *reads.data_sources}),
        "params": [parameter_object(each) for each in catalog.nodes[key].parameters],
        "materialized": node.kind.target if isinstance(node.kind, Materialization) else None,
        "tags": {},
        "version": 0,
        "created_at": None,
        "updated_at": None,
    }


def parameter_object(parameter: Parameter) -> Mapping[str, object]:
    """A parameter: its name and type, and what its author said of it."""
    said = {
        "default": plain(parameter.default),
        "description": parameter.description,
        "required": parameter.required,
        "enum": plain(parameter.enum),
        "example": plain(parameter.example),
        "format": parameter.format,
    }
    known = {name: value for name, value in said.items() if value is not None}
    return {"name": parameter.name, "type": parameter.type or "String", **known}
