"""Why a bench cannot measure.

ServiceError
└── BenchError    a bench, or a side of it, did not do its work
"""

from __future__ import annotations

from service.errors import ServiceError


class BenchError(ServiceError):
    """What a bench needs is not there, or a side of it did not do its work, so that its figures would mean nothing."""
