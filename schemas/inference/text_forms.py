"""Which types the texts at one place could all be read as."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)?", re.ASCII
)
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", re.ASCII)
_OTHER = "String"


@dataclass(slots=True)
class TextForms:
    """`longest_fraction`: digits of a second, of texts that are times."""

    _form: str | None = None
    longest_fraction: int = 0
    years: set[int] = field(default_factory=set)

    def add(self, text: str) -> None:
        if self._form == _OTHER:
            return
        form = self._of(text)
        self._form = form if self._form in (None, form) else _OTHER

    def _of(self, text: str) -> str:
        if _UUID.fullmatch(text):
            return "UUID"
        try:
            if _DATE.fullmatch(text):
                self.years.add(date.fromisoformat(text).year)
                return "Date"
            if found := _TIME.fullmatch(text):
                self.years.add(datetime.fromisoformat(f"{found[1]} {found[2]}").year)
                self.longest_fraction = max(self.longest_fraction, len(found[3] or ""))
                return "DateTime"
        except ValueError:  # the 30th of February
            pass
        return _OTHER

    @property
    def type(self) -> str:
        """ClickHouse's type for them, as the mapping reads it."""
        first, last = (min(self.years), max(self.years)) if self.years else (0, 0)
        if self._form == "Date":
            if first >= 1970 and last < 2149:
                return "Date"
            return "Date32" if first >= 1900 and last < 2300 else _OTHER
        if self._form == "DateTime":
            if not self.longest_fraction and first > 1970 and last < 2106:
                return "DateTime"
            precision = next(digits for digits in (3, 6, 9) if self.longest_fraction <= digits)
            is_within = first > 1900 and last < (2262 if precision == 9 else 2299)
            return f"DateTime64({precision})" if is_within else _OTHER
        return self._form or _OTHER
