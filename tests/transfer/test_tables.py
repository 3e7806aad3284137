"""No table can be forgotten: each is in an export, or is named with the reason why not."""

from cogmill.models import metadata
from cogmill.transfer.tables import (
    LEFT_OUT,
    NOT_OF_ORGANIZATIONS,
    OF_ORGANIZATIONS,
    UNDER_KEYS,
    WITHOUT_VALUES,
    counter,
    exported,
    is_placed,
    sealed_columns,
    to_itself,
)

LISTS = (LEFT_OUT, UNDER_KEYS, NOT_OF_ORGANIZATIONS)


def test_an_instance_is_all_tables_but_those_with_a_reason():
    names = {table.name for table in exported(of_organization=False)}
    assert names == set(metadata.tables) - set(LEFT_OUT)


def test_what_is_left_out_exists_and_has_a_reason():
    for one in LISTS:
        assert set(one) <= set(metadata.tables)
        assert all(len(reason) > 3 for reason in one.values())
    named = [name for one in LISTS for name in one]
    assert len(named) == len(set(named))


def test_every_table_of_an_organization_has_rows_that_can_be_told_to_be_its_own():
    assert [table.name for table in exported(of_organization=True) if not is_placed(table)] == []


def test_no_sealed_value_goes_where_its_keys_do_not():
    for table, column in sealed_columns():
        assert table in UNDER_KEYS or column in WITHOUT_VALUES[table], f"{table}.{column}"


def test_no_hash_of_a_secret_goes_where_its_keys_do_not():
    hashes = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.c
        if column.name.endswith(("_hash", "hook_secret")) and column.name != "commit_hash"
    }
    changed = {(table, name) for one in (WITHOUT_VALUES, OF_ORGANIZATIONS) for table in one for name in one[table]}
    assert {one for one in hashes if one[0] not in {*UNDER_KEYS, *LEFT_OUT}} <= changed


def test_values_that_are_changed_belong_to_columns():
    for one in (WITHOUT_VALUES, OF_ORGANIZATIONS):
        for name, values in one.items():
            assert set(values) <= set(metadata.tables[name].c.keys()), name


def test_rows_that_refer_to_their_own_table_may_do_without_at_first():
    for table in metadata.sorted_tables:
        assert all(table.c[name].nullable for name in to_itself(table))
        assert not to_itself(table) or len(table.primary_key) == 1


def test_every_number_that_a_database_counts_is_known_as_such():
    counting = {table.name for table in metadata.sorted_tables if counter(table) is not None}
    assert {"session", "audit_log", "knowledge_note", "schedule", "pull_request", "role_assignment"} <= counting
