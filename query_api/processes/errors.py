"""Why several processes do not answer as one.

ProcessesError
├── RefusedStartError   no process can start with the settings or the project
├── GaveUpError         the processes do not stay, however often they are started again
└── NoSwapError         the project as it is now cannot be answered for
"""

from __future__ import annotations


class ProcessesError(Exception):
    """Anything this room raises on purpose; `str()` is what people read."""


class RefusedStartError(ProcessesError):
    """No process can start with the settings or the project."""


class GaveUpError(ProcessesError):
    """The processes do not stay."""


class NoSwapError(ProcessesError):
    """The project cannot be answered for; what was answered for goes on."""
