"""The functions a template may call, as Tinybird documents them: a declaration in one of these modules makes one known.

Whoever imports the registry imports them all.
"""

# ruff: noqa: F401 - imported for their declarations

from schemas.template.functions import (
    builtins,
    columns,
    conditions,
    dates,
    errors,
    hints,
    lists,
    texts,
    typed,
)
