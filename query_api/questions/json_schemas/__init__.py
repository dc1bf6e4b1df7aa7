"""JSON Schemas of what questions take and what their answers hold, for the OpenAPI document."""
