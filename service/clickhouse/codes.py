"""ClickHouse's error codes by their names, those that decide something here.

From https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
"""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """The number in `Code: 60. DB::Exception: …` and in the header `X-ClickHouse-Exception-Code`."""

    UNEXPECTED_END_OF_FILE = 3
    CANNOT_PARSE_TEXT = 6
    CANNOT_PARSE_QUOTED_STRING = 26
    CANNOT_PARSE_INPUT = 27
    ATTEMPT_TO_READ_AFTER_EOF = 32
    BAD_ARGUMENTS = 36
    CANNOT_PARSE_DATE = 38
    CANNOT_PARSE_DATETIME = 41
    UNKNOWN_FUNCTION = 46
    UNKNOWN_IDENTIFIER = 47
    TYPE_MISMATCH = 53
    TABLE_ALREADY_EXISTS = 57
    UNKNOWN_TABLE = 60
    SYNTAX_ERROR = 62
    ARGUMENT_OUT_OF_BOUND = 69
    CANNOT_CONVERT_TYPE = 70
    CANNOT_PARSE_NUMBER = 72
    UNKNOWN_DATABASE = 81
    INCORRECT_DATA = 117
    FILE_DOESNT_EXIST = 107
    TOO_MANY_ROWS = 158
    TIMEOUT_EXCEEDED = 159
    TOO_SLOW = 160
    READONLY = 164
    TOO_BIG_AST = 168
    UNKNOWN_USER = 192
    WRONG_PASSWORD = 193
    REQUIRED_PASSWORD = 194
    IP_ADDRESS_NOT_ALLOWED = 195
    QUOTA_EXCEEDED = 201
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    NO_FREE_CONNECTION = 203
    SOCKET_TIMEOUT = 209
    NETWORK_ERROR = 210
    ABORTED = 236
    MEMORY_LIMIT_EXCEEDED = 241
    TABLE_IS_READ_ONLY = 242
    NOT_ENOUGH_SPACE = 243
    TOO_MANY_PARTS = 252
    ALL_CONNECTION_TRIES_FAILED = 279
    TOO_FEW_LIVE_REPLICAS = 285
    TOO_MANY_BYTES = 307
    UNKNOWN_STATUS_OF_INSERT = 319
    TABLE_SIZE_EXCEEDS_MAX_DROP_SIZE_LIMIT = 359
    CANNOT_PARSE_UUID = 376
    QUERY_WAS_CANCELLED = 394
    TOO_MANY_ROWS_OR_BYTES = 396
    SYSTEM_ERROR = 425
    CANNOT_SCHEDULE_TASK = 439
    VIOLATED_CONSTRAINT = 469
    CANNOT_PARSE_DOMAIN = 441
    ACCESS_DENIED = 497
    AUTHENTICATION_FAILED = 516
    CANNOT_PARSE_IPV4 = 675
    CANNOT_PARSE_IPV6 = 676
    UNKNOWN_ELEMENT_OF_ENUM = 691
    SERVER_OVERLOADED = 745
    KEEPER_EXCEPTION = 999
    POCO_EXCEPTION = 1000  # of the HTTP server itself, such as a form field over its limit


PASSING = frozenset(
    {
        Code.UNEXPECTED_END_OF_FILE,
        Code.FILE_DOESNT_EXIST,
        Code.TIMEOUT_EXCEEDED,
        Code.READONLY,
        Code.TOO_MANY_SIMULTANEOUS_QUERIES,
        Code.NO_FREE_CONNECTION,
        Code.SOCKET_TIMEOUT,
        Code.NETWORK_ERROR,
        Code.TABLE_IS_READ_ONLY,
        Code.NOT_ENOUGH_SPACE,
        Code.TOO_FEW_LIVE_REPLICAS,
        Code.UNKNOWN_STATUS_OF_INSERT,
        Code.QUERY_WAS_CANCELLED,  # by a shutdown, or by an operator
        Code.SYSTEM_ERROR,
        Code.KEEPER_EXCEPTION,
    }
)
"""What passes by itself: the same insert or statement may be taken a moment later."""

OVERLOAD = frozenset(
    {
        Code.QUOTA_EXCEEDED,
        Code.TOO_MANY_SIMULTANEOUS_QUERIES,
        Code.NO_FREE_CONNECTION,
        Code.SOCKET_TIMEOUT,
        Code.NETWORK_ERROR,
        Code.ABORTED,
        Code.ALL_CONNECTION_TRIES_FAILED,
        Code.QUERY_WAS_CANCELLED,
        Code.SYSTEM_ERROR,
        Code.CANNOT_SCHEDULE_TASK,
        Code.SERVER_OVERLOADED,
    }
)
"""The server has too much to do or is on its way down; the same query may be answered a moment later."""

CREDENTIALS = frozenset(
    {
        Code.UNKNOWN_USER,
        Code.WRONG_PASSWORD,
        Code.REQUIRED_PASSWORD,
        Code.IP_ADDRESS_NOT_ALLOWED,
        Code.AUTHENTICATION_FAILED,
    }
)
"""Who we are is not believed."""

TEXT_FORM = frozenset(
    {
        Code.CANNOT_PARSE_TEXT,
        Code.CANNOT_PARSE_QUOTED_STRING,
        Code.CANNOT_PARSE_INPUT,
        Code.ATTEMPT_TO_READ_AFTER_EOF,
        Code.BAD_ARGUMENTS,
        Code.CANNOT_PARSE_DATE,
        Code.CANNOT_PARSE_DATETIME,
        Code.TYPE_MISMATCH,
        Code.ARGUMENT_OUT_OF_BOUND,
        Code.CANNOT_CONVERT_TYPE,
        Code.CANNOT_PARSE_NUMBER,
        Code.INCORRECT_DATA,
        Code.CANNOT_PARSE_UUID,
        Code.CANNOT_PARSE_DOMAIN,
        Code.CANNOT_PARSE_IPV4,
        Code.CANNOT_PARSE_IPV6,
        Code.UNKNOWN_ELEMENT_OF_ENUM,
    }
)
"""A value has not the form that the SQL reads it in: another value would be taken."""
