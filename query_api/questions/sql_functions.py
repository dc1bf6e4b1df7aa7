"""The functions of ClickHouse 26.9 that a caller's own SQL may not call, because they see more than their arguments."""

from __future__ import annotations

# Files, tables and dictionaries named by a text.
_RESOURCES = """
    file joinget joingetornull hascolumnintable getmaxtablenamelengthfordatabase filesystemavailable
    filesystemcapacity filesystemunreserved showcertificate mergetreepartinfo ismergetreepartcoveredby
    pgtableisvisible pg_table_is_visible pggetuserbyid pg_get_userbyid
"""
# Models and services outside.
_OUTSIDE = """
    evalmlmethod naivebayesclassifier naivebayesclassifierwithprob naivebayesclassifierwithallprobs
    catboostevaluate assigncentroid aisimilarity aifilter aiclassify aiembed aiextract aigenerate airedact
    aitranslate lemmatize synonyms detectlanguage detectprogramminglanguage
"""
# The server, its settings, its users and other queries.
_SERVER = """
    getsetting getsettingordefault getserversetting getmergetreesetting getserverport getmacro globalvariable
    tcpport hostname fullhostname fqdn displayname serveruuid uptime buildid revision getoskernelversion
    zookeepersessionuptime hasthreadfuzzer getclienthttpheader currentrequesturl currenthandler connectionid
    connection_id currentuser current_user user session_user authenticateduser authuser currentdatabase
    current_database database schema currentschemas current_schemas currentroles enabledroles defaultroles
    currentprofiles enabledprofiles defaultprofiles queryid query_id currentqueryid current_query_id
    initialqueryid initial_query_id initialquerystarttime initial_query_start_time transactionid
    transactionlatestsnapshot transactionoldestsnapshot partitionid partition_id shardnum shardcount
    runningconcurrency generateserialid addresstoline addresstolinewithinlines addresstosymbol demangle tid
"""
# What holds a query up or writes to the server's log.
_HARMFUL = """
    sleep sleepeachrow logtrace
"""
# The parser itself, which is asked about every statement.
_PARSER = """
    parsequerytojson formatqueryfromjson fuzzquery
"""
# Lower case, as all names are compared: some of ClickHouse's functions have several spellings.
_REFUSED = frozenset(" ".join((_RESOURCES, _OUTSIDE, _SERVER, _HARMFUL, _PARSER)).split())
_REFUSED_PREFIXES = ("dict", "__", "ai_", "regionto", "regionin", "regionhierarchy", "viewexplain")
_IN = frozenset(
    f"{prefix}{negation}{suffix}"
    for prefix in ("", "global")
    for negation in ("in", "notin", "nullin", "notnullin")
    for suffix in ("", "ignoreset")
)


def is_refused(name: str) -> bool:
    """Whether a caller's SQL may not call the function, however its name is spelled."""
    lowered = name.lower()
    return lowered in _REFUSED or lowered.startswith(_REFUSED_PREFIXES)


def takes_table(name: str) -> bool:
    """Whether the function's second argument may be the name of a table: IN and its kin."""
    return name.lower() in _IN


def takes_function(name: str) -> bool:
    """Whether an argument of the function may be the name of another function, as in `arrayMap(lower, texts)`."""
    return name.lower().startswith(("array", "map"))
