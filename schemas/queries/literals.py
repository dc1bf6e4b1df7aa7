"""Values as literals of ClickHouse's SQL: for a statement that is stored, as nobody is there to bind them later."""

from __future__ import annotations

from schemas.sql.text import call, identifier, literal
from schemas.template.values.binding import Bindings


class Literals(Bindings):
    """Writes what `Bindings` binds: the same values, of the same types."""

    def sql(self, value: object) -> str:
        if isinstance(value, dict):
            # No text can be cast to a Map (tried on 26.9).
            return call("mapFromArrays", self.sql(list(value)), self.sql(list(value.values())))
        return super().sql(value)

    def _bind(self, type_name: str, text: str) -> str:
        self.count(text)
        if type_name == "Identifier":
            return identifier(text)
        if type_name == "String":
            return literal(text)
        return call("CAST", literal(text), literal(type_name))
