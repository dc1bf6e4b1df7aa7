"""The functions a template may call, as Tinybird documents them: a declaration in one of these modules makes one known.

Whoever imports the registry imports them all.
"""

from schemas.template.functions import (
    builtins,  # noqa: F401 - for its declarations, as those below
    columns,  # noqa: F401
    conditions,  # noqa: F401
    dates,  # noqa: F401
    errors,  # noqa: F401
    hints,  # noqa: F401
    lists,  # noqa: F401
    texts,  # noqa: F401
    typed,  # noqa: F401
)
