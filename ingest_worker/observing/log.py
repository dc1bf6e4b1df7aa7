"""The worker's log of what is observed: one line a batch, none a message."""

from __future__ import annotations

import logging

from ingest_worker.observing.observations import Observer
from service.observing.log import log_to

log_observation: Observer = log_to(logging.getLogger("ingest_worker"))
