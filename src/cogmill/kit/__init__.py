"""Tools without words of the domain: database, paging, errors, ids, clock, keys, settings."""
