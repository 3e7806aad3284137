"""The history of the database: up from nothing, down to nothing, the same as the models, nothing lost."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text

import cogmill.migrations.versions
from cogmill.domain.usage.verify import check
from cogmill.migrations.upgrade import HEAD, NewerDatabase, current, downgrade, upgrade
from cogmill.models import access, metadata, sessions, usage
from tests.factories import make_world

FOLDER = Path(cogmill.migrations.versions.__path__[0])
REVISIONS = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))
FIRST_ROWS = (
    "INSERT INTO enterprise VALUES ('ent-1', 'E', 1700000000)",
    "INSERT INTO organization VALUES ('org-1', 'ent-1', 'O', 1700000000.25, NULL)",
    """INSERT INTO session (id, session_id, org_id, origin, prompt, request, tags, is_archived, created_at, status,
       updated_at, last_seq, acus_micro, usd_micro, epoch, run_state)
       VALUES (1, 'devin-1', 'org-1', 'api', 'p', '{}', '["a", "\\u00e4"]', false, 1, 'new', 1, 1, 0, 0, 0, 'idle')""",
    """INSERT INTO session_event VALUES
       (1, 1, 'user_message', 'message', 'incoming', 1, 's', '{"message": "Grüße"}')""",
)


FULL_TEXT = ("knowledge_words",)
"""How the tables of full-text indexes begin: they differ by database, and are in no metadata."""


def revision(engine: Engine) -> str | None:
    with engine.connect() as db:
        return current(db)


def tables(engine: Engine) -> set[str]:
    found = inspect(engine).get_table_names()
    return {name for name in found if name != "alembic_version" and not name.startswith(FULL_TEXT)}


def is_compared(_object: object, name: str | None, kind: str, *_more: object) -> bool:
    return kind != "table" or not str(name).startswith(FULL_TEXT)


def differences(engine: Engine) -> list[object]:
    with engine.connect() as db:
        options = {"compare_type": True, "compare_server_default": True, "include_object": is_compared}
        return compare_metadata(MigrationContext.configure(db, opts=options), metadata)


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as db:
        return {
            table.name: [tuple(row) for row in db.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


def test_head_is_the_newest_file():
    assert REVISIONS[-1].partition("_")[0] == HEAD
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+", name) for name in REVISIONS)


def test_the_history_is_one_line():
    before = None
    for name in REVISIONS:
        module = import_module(f"cogmill.migrations.versions.{name}")
        assert module.revision == name.partition("_")[0]
        assert module.down_revision == before
        assert module.branch_labels is None
        before = module.revision


def test_an_empty_database_becomes_current(empty):
    assert revision(empty) is None
    assert upgrade(empty) is None
    assert revision(empty) == HEAD
    assert tables(empty) == set(metadata.tables)


def test_the_migrated_schema_is_the_models(empty):
    upgrade(empty)
    assert differences(empty) == []


def test_comparing_would_see_a_difference(empty):
    upgrade(empty)
    with empty.begin() as db:
        db.execute(text("DROP INDEX ix_session_runnable"))
        db.execute(text("ALTER TABLE attachment DROP COLUMN content_type"))
    assert len(differences(empty)) == 2


def test_names_of_constraints_and_partial_indexes(empty):
    """Autogeneration compares neither; a later migration has to name them."""
    upgrade(empty)
    inspector = inspect(empty)
    for table in metadata.sorted_tables:
        named = {one["name"] for one in inspector.get_unique_constraints(table.name)}
        assert named == {str(one.name) for one in table.constraints if type(one).__name__ == "UniqueConstraint"}
        assert inspector.get_pk_constraint(table.name)["name"] == table.primary_key.name
        keys = {one["name"]: one["referred_table"] for one in inspector.get_foreign_keys(table.name)}
        assert keys == {str(one.name): one.referred_table.name for one in table.foreign_key_constraints}
    partial = {
        one["name"]: one["dialect_options"][f"{empty.dialect.name}_where"]
        for one in inspector.get_indexes("session")
        if one.get("dialect_options", {}).get(f"{empty.dialect.name}_where") is not None
    }
    of_all = {
        f"ix_session_{name}_id" for name in ("category", "user_id", "service_user_id", "playbook_id", "schedule_id")
    }
    of_one = {f"ix_session_org_id_{name}_id" for name in ("category", "user_id", "service_user_id", "playbook_id")}
    assert set(partial) == of_all | of_one | {
        "ix_session_parent_session_id",
        "ix_session_runnable", "ix_session_idle_since", "ix_session_of_schedule", "ix_session_busy",
        "ix_session_archived", "ix_session_of_person",
    }  # fmt: skip


def test_upgrading_again_changes_nothing(empty):
    upgrade(empty)
    assert upgrade(empty) == HEAD
    assert differences(empty) == []


def test_down_to_nothing_and_up_again(empty):
    upgrade(empty)
    downgrade(empty, "base")
    assert tables(empty) == set()
    assert revision(empty) is None
    upgrade(empty)
    assert differences(empty) == []


def test_every_step_can_be_undone(empty):
    for name in REVISIONS:
        number = name.partition("_")[0]
        before = tables(empty)
        upgrade(empty, number)
        downgrade(empty, import_module(f"cogmill.migrations.versions.{name}").down_revision or "base")
        assert tables(empty) == before
        upgrade(empty, number)
        assert revision(empty) == number


def test_data_outlives_every_upgrade(empty):
    """Rows of the first revision, in its own words, are all there at the newest one."""
    upgrade(empty, "0001")
    with empty.begin() as db:
        for statement in FIRST_ROWS:
            db.execute(text(statement))
    for name in REVISIONS:
        upgrade(empty, name.partition("_")[0])
    with empty.connect() as db:
        assert db.execute(select(sessions.session.c.tags)).scalar_one() == ["a", "\u00e4"]
        assert db.execute(select(sessions.session.c.is_archived)).scalar_one() is False
        found = db.execute(select(sessions.session_event.c.contents)).scalar_one()
        assert json.loads(found) == {"message": "Grüße"}
        assert db.execute(select(access.organization.c.created_at)).scalar_one() == 1_700_000_000.25


def test_what_sessions_consumed_before_is_in_the_ledger_and_its_sums(empty):
    """Two seconds beside the beginning of a day, which is that of a cycle, too."""
    beginning = 1_761_984_000  # 2025-11-01 08:00 UTC
    upgrade(empty, "0001")
    with empty.begin() as db:
        for statement in FIRST_ROWS:
            db.execute(text(statement))
        db.execute(text(f"UPDATE session SET acus_micro = 5, usd_micro = 7, updated_at = {beginning - 1}.5"))
        again = text(
            "INSERT INTO session (id, session_id, org_id, origin, prompt, request, tags, is_archived, created_at,"
            " status, updated_at, last_seq, acus_micro, usd_micro, epoch, run_state, service_user_id) SELECT id + 1,"
            " 'devin-2', org_id, origin, prompt, request, tags, is_archived, created_at, status,"
            f" {beginning}, 0, 11, usd_micro, epoch, run_state, 'machine' FROM session"
        )
        db.execute(again)
    upgrade(empty)
    with empty.connect() as db:
        record, day = usage.usage_record.c, usage.usage_day.c
        booked = db.execute(select(record.session, record.day, record.cycle, record.acus_micro, record.usd_micro))
        assert sorted(tuple(row) for row in booked) == [
            (1, beginning - 86_400, 1_759_305_600, 5, 7),
            (2, beginning, beginning, 11, 7),
        ]
        sums = db.execute(select(day.scope, day.scope_id, day.day, day.acus_micro))
        assert sorted(tuple(row) for row in sums) == [
            ("enterprise", "ent-1", beginning - 86_400, 5),
            ("enterprise", "ent-1", beginning, 11),
            ("org", "org-1", beginning - 86_400, 5),
            ("org", "org-1", beginning, 11),
            ("service_user", "machine", beginning, 11),
        ]
        assert check(db).different == 0


def test_running_upgrade_on_a_database_in_use_keeps_everything(empty):
    upgrade(empty)
    with empty.begin() as db:
        make_world(db)
    before = contents(empty)
    assert before["organization"]
    assert before["api_key"]
    assert upgrade(empty) == HEAD
    assert contents(empty) == before


def test_a_failed_upgrade_leaves_nothing_behind(empty):
    with empty.begin() as db:
        db.execute(text("CREATE TABLE session_event (x INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        upgrade(empty)
    assert tables(empty) == {"session_event"}
    assert revision(empty) is None


def test_a_newer_database_is_refused(empty):
    upgrade(empty)
    with empty.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerDatabase, match="9999"):
        upgrade(empty)
    assert tables(empty) == set(metadata.tables)
