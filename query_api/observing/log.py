"""The API's log of what is observed: one line for each request, none with a token or a URL in it."""

from __future__ import annotations

import logging

from query_api.observing.observations import Observer
from service.observing.log import log_to

log_observation: Observer = log_to(logging.getLogger("query_api"))
