"""All modules of faults: importing them registers what they hold."""

from tests.faults.scenarios import (  # noqa: F401  they register
    deploys,
    filled_views,
    groups,
    kills,
    lines,
    mixed,
    never_stuck,
    outages,
    restarts,
    rows,
    stores,
    topics,
    views,
)
