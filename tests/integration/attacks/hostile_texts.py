"""Texts, names and statements that hostile requests are made of."""

from __future__ import annotations

# A word that every hostile text holds: where it is found, a caller's value is.
MARK = "zqx7"
PIECES = [
    "' OR 1=1 --", "\\", "\\'", "'", '"', "`", "``", "{{", "{%", "{p1:String}", "{x:Identifier}", "\0", "\n", "\t",
    "\r\n", "\x1a", "%", "\\%", "%00", "ñ漢😀", "\u202e", "\ufeff", ")", "(", "/*", "*/", ";", "; DROP TABLE events",
    "--", "#", "UNION ALL SELECT secret FROM vault", "system.tables", "0x41", "-1", "1e400", "nan", "inf", "9" * 40,
    "null", "NULL", "true", "[]", "[1,2]", "{}", '{"a":1}', "../../etc/passwd", "$(id)", "${HOME}", "__class__",
    "A" * 2000, ",", ",,", " ", "١٢٣",
]  # fmt: skip

PLAIN = [
    "", "1", "5", "0", "-5", "a", "a,b", "page_view", "2024-01-01", "2024-01-01 10:00:00", "2024-01-01T10:00:00Z",
    "2024-01-31 10:00:00.123", "true", "kind", "value, sensor", "[]", '[{"field":"kind","op":"eq","value":"a"}]',
]  # fmt: skip

# What the service itself, or Tinybird's tools, give a meaning, and what the template's own names could be.
RESERVED = [
    "token", "q", "format", "explain", "query_id", "tag", "pipeline", "debug", "template_parameters", "cli_version",
    "__tb__csv_header", "__tb__semver", "__tb__deployment", "from", "output_format_json_quote_64bit_integers",
    "output_format_json_quote_denormals", "output_format_parquet_string_as_string", "finalize_aggregations",
    "max_threads", "readonly", "param_p1", "p1", "database", "user", "password", "self", "range", "render",
    "_tt_utf8", "__class__", "loop", "defined",
]  # fmt: skip

# A caller's own SQL: these hold no mark. {t} is a table or a pipe, {f} an expression.
STATEMENTS = [
    "SELECT * FROM {t}", "SELECT {f} FROM {t}", "SELECT count() AS n FROM {t}", "SELECT 1 WHERE 'a' IN {t}",
    "SELECT 1 WHERE 'a' IN (SELECT * FROM {t})", "WITH {t} AS (SELECT * FROM {t}) SELECT * FROM {t}",
    "WITH x AS (SELECT * FROM {t}) SELECT * FROM x", "SELECT * FROM _ UNION ALL SELECT {f} FROM {t}",
    "SELECT * FROM _, {t}", "SELECT (SELECT max(secret) FROM {t}) AS x", "SELECT * FROM view(SELECT * FROM {t})",
    "SELECT * FROM {t} AS vault", "SELECT * FROM merge(currentDatabase(), 'vault')", "SELECT {f}", "SELECT",
    "SELECT * FROM {t} FORMAT CSV", "SELECT * FROM {t} FORMAT Null", "% SELECT {{String(a)}} FROM {t}",
    "SELECT * FROM {t} SETTINGS additional_table_filters = {'vault': '1'}", "DESCRIBE {t}", "EXPLAIN SELECT * FROM {t}",
    "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')", "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "INSERT INTO {t} VALUES (1)", "DROP TABLE {t}", "SELECT 1; SELECT * FROM {t}", "SHOW CREATE TABLE {t}",
    "SELECT 1 SETTINGS max_execution_time = 0, readonly = 0", "SELECT * FROM {t} INTO OUTFILE 'x'",
    "SELECT {p1:String}", "SELECT * FROM {x:Identifier}", "SELECT * FROM ({t})", "FROM {t} SELECT *",
    "SELECT * FROM {t} t ARRAY JOIN [1] AS a", "SELECT * FROM numbers(3) WHERE number GLOBAL IN {t}",
]  # fmt: skip

TABLES = [
    "vault", "`vault`", '"vault"', "vault_all", "vault_count", "vault_quarantine", "vault_landing", "owned_rows",
    "owned", "_", "orders", "visits", "top_pages", "events", "system.tables", "system.one", "default.vault",
    "numbers(3)",
]  # fmt: skip

EXPRESSIONS = [
    "secret", "*", "1", "user()", "getSetting('readonly')", "joinGet('vault', 'secret', 'a')", "file('/etc/passwd')",
    "dictGet('vault', 'secret', 1)", "sleep(3)", "throwIf(1)", "COLUMNS('.*')", "hostName()", "repeat('a', 1000000000)",
]  # fmt: skip

# They change what the types of an answer's values are, or which columns there are.
RESHAPING = frozenset(
    {"q", "output_format_json_quote_64bit_integers", "output_format_json_quote_denormals", "finalize_aggregations"}
)
