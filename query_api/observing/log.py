"""Observations as log lines: one for each request, none with a token or a URL in it."""

from __future__ import annotations

import logging

from query_api.observing.observations import (
    AnswerBroken,
    BackgroundFailed,
    Listening,
    Observation,
    ProducerFailed,
    RequestCrashed,
    RequestEnded,
    SchemaDiffers,
    ServerFound,
    ServerLost,
    Stopping,
)

logger = logging.getLogger("query_api")


def log_observation(observation: Observation) -> None:
    match observation:
        case RequestEnded():
            _log_request(observation)
        case RequestCrashed(request_id, error):
            logger.error("a request crashed", exc_info=error, extra={"fields": {"request_id": request_id}})
        case AnswerBroken(request_id, code, message):
            fields = {"request_id": request_id, "code": code, "reason": message}
            logger.warning("an answer broke on its way", extra={"fields": fields})
        case ServerLost(server, address, reason):
            logger.warning(f"waiting for {server}", extra={"fields": {"address": address, "reason": reason}})
        case ServerFound(server):
            logger.info(f"{server} answers")
        case ProducerFailed(reason, seconds):
            fields = {"reason": reason, "retry_seconds": round(seconds, 1)}
            logger.error("the producer failed for good, another one is made", extra={"fields": fields})
        case BackgroundFailed(task, error):
            fields = {"task": task}
            logger.error("unexpected failure in the background, going on", exc_info=error, extra={"fields": fields})
        case SchemaDiffers(differences):
            text = "the deployed schema is not the project's; `birdhouse deploy` brings ClickHouse up to date"
            logger.warning(text, extra={"fields": {"differences": "; ".join(differences)}})
        case Listening(host, port, admin_port):
            logger.info("listening", extra={"fields": {"host": host, "port": port, "admin_port": admin_port}})
        case Stopping(seconds):
            logger.info("stopping", extra={"fields": {"seconds": seconds}})


def _log_request(ended: RequestEnded) -> None:
    level = logging.WARNING if ended.status >= 500 else logging.INFO
    if logger.isEnabledFor(level):
        # What `logger.log` does, but for looking up the line of code that logs, which no line shows.
        fields = {"fields": _request_fields(ended)}
        logger.handle(logger.makeRecord(logger.name, level, "", 0, "request", (), None, extra=fields))


def _request_fields(ended: RequestEnded) -> dict[str, object]:
    optional: dict[str, object] = {
        "resource": ended.resource,
        "format": ended.format,
        "token": ended.token,
        "rows_read": ended.rows_read,
        "bytes_read": ended.bytes_read,
        "documents": ended.documents,
        "quarantined": ended.quarantined,
        "error": ended.error,
    }
    return {
        "method": ended.method,
        "route": ended.route,
        "status": ended.status,
        "ms": round(ended.seconds * 1000, 1),
        "request_id": ended.request_id,
        **{name: value for name, value in optional.items() if value},
    }
