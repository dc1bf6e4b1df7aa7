"""The OpenAPI 3.1 document of what one token may ask and send, put together from what the routes say of themselves."""

from __future__ import annotations

from collections.abc import Iterable

from query_api.routes import Audience, Object, Route
from query_api.web.shared_answers import error_responses, error_schemas, headers


def openapi_document(routes: Iterable[Route], audience: Audience) -> Object:
    """The document of those routes that are described, in their order, with the operations that `audience` may use."""
    paths, schemas, tags = dict[str, Object](), dict[str, Object](), dict[str, None]()
    for route in routes:
        if route.tag is not None:
            tags[route.tag] = None
        for operation in route.describe(audience) if route.describe is not None else ():
            item = paths.setdefault(operation.path or route.path, {})
            if operation.path_parameters:
                item["parameters"] = list(operation.path_parameters)
            item[route.method.lower()] = operation.described
            schemas |= operation.schemas
    return {
        "openapi": "3.1.0",
        "info": {"title": "Birdhouse", "version": "0", "description": "Endpoints and data sources of this project."},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"query": []}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": {**error_schemas(), **schemas},
            "responses": error_responses(),
            "headers": headers(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }
