"""Reading back from Cosmos: queries as values, and a reader that sends them.

A query names a partition to the SDK only when it has the full key. For a prefix of the key the SDK joins the answers
of several physical partitions end to end, out of order (azure-cosmos 4.17.1, `_merge_query_results`), and the service
routes by the condition on the prefix in WHERE, not by the key that the client supplies: Microsoft asks for the
condition (https://learn.microsoft.com/azure/cosmos-db/hierarchical-partition-keys). So a prefix is a condition here.
"""

from processors.query.groups import NO_DAY, Group, group, groups
from processors.query.reader import PAGE_ROWS, Reader, open_reader, open_readers
from processors.query.selection import (
    SYSTEM,
    Query,
    Selection,
    as_given,
    count,
    identities,
    is_select,
    newest_first,
    oldest_first,
    partition,
    partitions,
    values,
    without_system,
)

__all__ = [
    "NO_DAY",
    "PAGE_ROWS",
    "SYSTEM",
    "Group",
    "Query",
    "Reader",
    "Selection",
    "as_given",
    "count",
    "group",
    "groups",
    "identities",
    "is_select",
    "newest_first",
    "oldest_first",
    "open_reader",
    "open_readers",
    "partition",
    "partitions",
    "values",
    "without_system",
]
