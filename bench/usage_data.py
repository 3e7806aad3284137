"""A year of an enterprise's use, made from a seed: sessions, their ledger, and every sum that is kept of both.

Numbers of rows are mixed into what looks random by multiplication, in the database itself: the same seed makes the
same rows on SQLite and on PostgreSQL, and ten million of them take minutes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text

from bench import seeded
from cogmill.access.scope import Scope
from cogmill.domain.metrics import folding
from cogmill.domain.usage.times import DAY, cycle_of, day_of
from cogmill.models.access import organization, service_user, user
from cogmill.models.sessions import session

DAYS, RECORDS = 365, 10
"""Days that are over, and records of the ledger for each session."""
ORGANIZATIONS, USERS, SERVICE_USERS, PLAYBOOKS, SCHEDULES = 20, 1_000, 20, 50, 200
"""The first organization has half of all sessions. A quarter of the users have most of them."""
ORIGINS = ("webapp", "api", "slack", "automation", "linear", "teams", "jira", "cli", "desktop", "other")
CATEGORIES = (
    "bug_fixing", "feature_development", "unit_test_generation", "other", "refactoring_and_optimization",
    "ci_cd_and_devops", "code_review_and_analysis", "research_and_exploration", "documentation_and_content",
    "code_quality_and_security", "data_and_automation", "migrations_and_upgrades",
)  # fmt: skip
TAGS, REPOS, GUARDRAILS, RARE = 40, 200, 8, 2_000
"""Frequent tags; repositories; and one of so many sessions has what is rare: a tag, an origin, a category."""
RARE_TAG, RARE_ORIGIN, RARE_CATEGORY = "rare", "other", "migrations_and_upgrades"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What requests can name."""

    enterprise_id: str
    org_ids: list[str]
    begin: int
    """When the first session was created; the last one was `DAYS` later."""
    sessions: int
    """Their keys are 1 and so on."""
    of_home: list[int]
    """Some of the first organization."""


def org_id(number: int, home: str) -> str:
    return home if number == 0 else f"org-{number:032x}"


def user_id(number: int) -> str:
    return f"user-{number:032x}"


def service_user_id(number: int) -> str:
    return f"service-user-{number:032x}"


def playbook_id(number: int) -> str:
    return f"playbook-{number:032x}"


def schedule_id(number: int) -> str:
    return f"sched-{number:032x}"


def session_id(number: int) -> str:
    return f"devin-{number:032x}"


def make(engine: Engine, sessions: int, seed: int, say: Progress) -> Made:
    """Fill a database in which a server has run once."""
    begin = day_of(time.time()) - DAYS * DAY
    with _quick(engine) as db:
        home = db.execute(select(organization).limit(1)).one()
        made = Made(home.enterprise_id, [org_id(n, home.org_id) for n in range(ORGANIZATIONS)], begin, sessions, [])
        _people(db, made)
        _sessions_and_ledger(db, made, seed, say)
        for name, statement in _statements(engine.dialect.name == "sqlite").items():
            say(name)
            db.execute(text(statement))
            db.commit()
    _metrics(engine, made, say)
    return known(engine, sessions)


def _quick(engine: Engine) -> Connection:
    """A connection that does without what guards against power cuts and wrong rows."""
    db = engine.connect()
    if engine.dialect.name == "sqlite":
        for pragma in ("synchronous=OFF", "cache_size=-1500000", "foreign_keys=OFF", "wal_autocheckpoint=100000"):
            db.connection.execute(f"PRAGMA {pragma}")
    else:
        db.execute(text("SET session_replication_role = replica"))
        db.execute(text("SET synchronous_commit = off"))
        db.execute(text("SET work_mem = '256MB'"))
        db.commit()
    return db


def _people(db: Connection, made: Made) -> None:
    same = {"enterprise_id": made.enterprise_id, "created_at": float(made.begin)}
    db.execute(insert(organization), [{"org_id": one, "name": one, **same} for one in made.org_ids[1:]])
    ids = [user_id(number) for number in range(USERS)]
    db.execute(insert(user), [{"user_id": one, "email": f"{one}@example.org", "name": one, **same} for one in ids])
    ids = [service_user_id(number) for number in range(SERVICE_USERS)]
    db.execute(insert(service_user), [{"service_user_id": one, "org_id": None, "name": one, **same} for one in ids])
    db.commit()


def _mixed(salt: int, below: int, number: str = "i") -> str:
    """A number below `below` that looks random; another one for each salt."""
    primes = (1103515245, 1597334677, 1140671485, 1664525007, 1013904223, 1566083941, 1812433253, 1289706101)
    return f"((({number} + :seed) * {primes[salt % 8]} + {salt * 7919}) % 2147483647 % {below})"


def _skewed(salt: int, below: int, number: str = "i") -> str:
    """The same, small numbers far more often than large ones."""
    return f"({_mixed(salt, below, number)} * {_mixed(salt + 3, below, number)} / {below})"


def _sessions_and_ledger(db: Connection, made: Made, seed: int, say: Progress) -> None:
    """Day after day, as they would have come."""
    is_sqlite = db.dialect.name == "sqlite"
    statements = [text(one) for one in _daily(is_sqlite)]
    home, each, began = made.org_ids[0], made.sessions / DAYS, time.monotonic()
    for number in range(DAYS):
        day = made.begin + number * DAY
        values: dict[str, Any] = {
            "seed": seed, "home": home, "enterprise": made.enterprise_id, "day": day, "next_day": day + DAY,
            "cycle": cycle_of(day), "next_cycle": cycle_of(day + DAY), "first": round(number * each) + 1,
            "last": round((number + 1) * each), "step": DAY / max(1, round(each)), "now": made.begin + DAYS * DAY,
        }  # fmt: skip
        for statement in statements:
            db.execute(statement, {name: values[name] for name in statement.compile().params})
        db.commit()
        if number % 30 == 29 or number == DAYS - 1:
            so_far = values["last"]
            say(f"{so_far:,} sessions, {so_far * RECORDS:,} records ({time.monotonic() - began:.0f} s)")


def _series(is_sqlite: bool, first: str, last: str, name: str) -> str:
    if is_sqlite:
        return (
            f"(WITH RECURSIVE n({name}) AS (SELECT {first} UNION ALL SELECT {name} + 1 FROM n WHERE {name} < {last})"
            f" SELECT {name} FROM n)"
        )
    return f"(SELECT g AS {name} FROM generate_series(CAST({first} AS bigint), CAST({last} AS bigint)) AS s(g))"


def _daily(is_sqlite: bool) -> list[str]:
    """Sessions of a day, their records, their sums by day, and their tags and repositories."""
    hex_, json = ("printf('%06x', {})", "{}") if is_sqlite else ("lpad(to_hex({}), 6, '0')", "({})::json")
    first_tag = "json_extract(tags, '$[0]')" if is_sqlite else "tags->>0"

    def named(beginning: str, number: str) -> str:
        """As the functions above make ids."""
        return f"('{beginning}{'0' * 26}' || {hex_.format(number)})"

    def chosen(names: tuple[str, ...], number: str) -> str:
        return f"CASE {number} " + " ".join(f"WHEN {n} THEN '{one}'" for n, one in enumerate(names)) + " END"

    org = f"CASE WHEN {_mixed(0, 2)} = 0 THEN :home ELSE {named('org-', f'1 + {_mixed(1, ORGANIZATIONS - 1)}')} END"
    is_rare = f"{_mixed(2, RARE)} = 7"
    tag = f"'tag-' || {_skewed(4, TAGS)}"
    tags = json.format(f"""CASE WHEN {is_rare} THEN '["{RARE_TAG}"]' ELSE '["' || {tag} || '"]' END""")
    created = ":day + (i - :first) * :step"
    acus = f"({_mixed(5, 3000)} * {_mixed(6, 1000)} + 20000)"
    sessions = f"""
        INSERT INTO session (id, session_id, org_id, user_id, service_user_id, origin, title, prompt, agent, request,
            tags, playbook_id, schedule_id, category, subcategory, max_acu_limit, is_archived, created_at, status,
            status_detail, updated_at, last_seq, acus_micro, usd_micro, user_messages, devin_messages, has_searched,
            epoch, run_state)
        SELECT i, {named("devin-", "i")}, {org},
            CASE WHEN {_mixed(7, 10)} < 8 THEN {named("user-", _skewed(8, USERS))} END,
            CASE WHEN {_mixed(9, 10)} < 3 THEN {named("service-user-", _mixed(10, SERVICE_USERS))} END,
            CASE WHEN {is_rare} THEN '{RARE_ORIGIN}' ELSE {chosen(ORIGINS[:-1], _skewed(11, len(ORIGINS) - 1))} END,
            'Session ' || i, 'Do what is to be done, number ' || i, 'model', {json.format("'{}'")},
            {tags},
            CASE WHEN {_mixed(12, 5)} = 0 THEN {named("playbook-", _skewed(13, PLAYBOOKS))} END,
            CASE WHEN {_mixed(14, 10)} = 0 THEN {named("sched-", _skewed(15, SCHEDULES))} END,
            CASE WHEN {is_rare} THEN '{RARE_CATEGORY}'
                WHEN {_mixed(16, 20)} > 0 THEN {chosen(CATEGORIES[:-1], _skewed(17, len(CATEGORIES) - 1))} END,
            NULL, NULL, {_mixed(18, 50)} = 0, {created}, 'exit', 'finished',
            CASE WHEN {_mixed(19, 10)} = 0 AND {created} + {_mixed(20, 60 * DAY)} < :now
                THEN {created} + {_mixed(20, 60 * DAY)} ELSE {created} + {_mixed(20, 3600)} END,
            {3 * RECORDS}, {acus} / {RECORDS} * {RECORDS}, {acus} / {RECORDS} * {RECORDS} / 2, 1 + {_mixed(21, 12)},
            1 + {_mixed(22, 12)}, {_mixed(23, 4)} = 0, 1, 'idle'
        FROM {_series(is_sqlite, ":first", ":last", "i")} AS s"""
    of_day = "session.id BETWEEN :first AND :last"
    is_later = "(k > 5 AND session.id % 10 = 0)"
    records = f"""
        INSERT INTO usage_record (session, seq, at, day, cycle, enterprise_id, org_id, user_id, service_user_id,
            product, model, acus_micro, usd_micro, active_ms, input_tokens, output_tokens, cached_tokens)
        SELECT session.id, 3 * k,
            CASE WHEN {is_later} THEN :next_day + k WHEN created_at + k * 20 < :next_day THEN created_at + k * 20
                ELSE :next_day - 1 END,
            CASE WHEN {is_later} THEN :next_day ELSE :day END, CASE WHEN {is_later} THEN :next_cycle ELSE :cycle END,
            :enterprise, org_id, user_id, service_user_id, 'devin',
            'model-' || (session.id % 3), acus_micro / {RECORDS}, usd_micro / {RECORDS}, 20000,
            1000 + (session.id * k) % 50000, 100 + (session.id + k) % 2000, (session.id * k) % 900
        FROM session, {_series(is_sqlite, "1", str(RECORDS), "k")} AS r WHERE {of_day} ORDER BY session.id, k"""
    sums = f"""
        INSERT INTO usage_session_day (session, day, product, {_AMOUNTS})
        SELECT session, day, product, {_SUMS} FROM usage_record WHERE session BETWEEN :first AND :last
        GROUP BY session, day, product"""
    labels = f"""
        INSERT INTO session_label (org_id, kind, value, session)
        SELECT org_id, 'tag', {first_tag}, id FROM session WHERE {of_day}
        UNION ALL SELECT org_id, 'repo', 'acme/app' || {_skewed(24, REPOS, "id")}, id FROM session WHERE {of_day}"""
    return [sessions, records, sums, labels]


_NAMES = ("acus_micro", "usd_micro", "active_ms", "input_tokens", "output_tokens", "cached_tokens")
_AMOUNTS = ", ".join(_NAMES)
_SUMS = ", ".join(f"sum({one})" for one in _NAMES)


def _statements(is_sqlite: bool) -> dict[str, str]:
    """What is made of all sessions at once."""
    found = {}
    for scope, who, place in (
        ("enterprise", "enterprise_id", "''"), ("org", "org_id", "org_id"), ("user", "user_id", "org_id"),
        ("service_user", "service_user_id", "org_id"),
    ):  # fmt: skip
        keys = f"{who}, day" + (", org_id" if place != "''" else "") + (", product")
        found[f"consumption by day of each {scope}"] = (
            f"INSERT INTO usage_day (scope, scope_id, day, org_id, product, {_AMOUNTS})"
            f" SELECT '{scope}', {who}, day, {place}, product, {_SUMS} FROM usage_record"
            f" WHERE {who} IS NOT NULL GROUP BY {keys}"
        )
    state = "CASE id % 4 WHEN 0 THEN 'open' WHEN 1 THEN 'closed' ELSE 'merged' END"
    found["pull requests"] = (
        "INSERT INTO pull_request (id, pull_request_id, org_id, session, repo, number, title, body, state, branch,"
        " base_branch, base_commit, head_commit, url, created_at, updated_at)"
        f" SELECT id, 'pr-' || id, org_id, id, 'acme/app', id, 'Change ' || id, '', {state}, 'work', 'main', 'a', 'b',"
        " 'https://git.example.org/acme/app/pull/' || id, created_at + 60, created_at + 90"
        " FROM session WHERE id % 5 = 0"
    )
    found["searches"] = (
        "INSERT INTO code_search (org_id, user_id, kind, created_at)"
        " SELECT org_id, user_id, 'text', created_at + 5 FROM session WHERE id % 5 = 1 AND user_id IS NOT NULL"
    )
    analysis = (
        '{"issues": [], "action_items": [], "timeline": [], "note_usage": {"good_usages": [], "bad_usages": []},'
        ' "suggested_prompt": null, "classification": null, "made_by": "rules"}'
    )
    analysis = f"'{analysis}'" if is_sqlite else f"'{analysis}'::json"
    found["insights"] = (
        "INSERT INTO session_insight (session, org_id, status, is_asked_for, attempt, queued_at, analysis, messages,"
        f" made_at) SELECT id, org_id, 'done', id % 2 = 0, 1, created_at + 100, {analysis}, 2,"
        " created_at + 110 FROM session WHERE id % 3 = 0"
    )
    found["violations"] = (
        "INSERT INTO guardrail_violation (org_id, guardrail_id, guardrail_name, session_id, event_id, user_message,"
        " reasoning, confidence_score, action_taken, created_at)"
        f" SELECT org_id, 'guardrail-' || (id % {GUARDRAILS}), 'No force', session_id, 'event-' || id, 'Push it',"
        " 'A command matches the pattern', 1.0, 'warned', created_at + 7 FROM session WHERE id % 10 = 3"
    )
    if not is_sqlite:
        for table in ("session", "pull_request"):
            found[f"keys of {table}"] = f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"
    return found


def _metrics(engine: Engine, made: Made, say: Progress) -> None:
    """The sums of metrics, by the server's own functions."""
    first = made.begin // DAY * DAY
    days = range(first, first + (DAYS + 1) * DAY, DAY)
    with _quick(engine) as db:
        for number, day in enumerate(days):
            for org in made.org_ids:
                folding.store(db, folding.count(db, Scope(made.enterprise_id, org), day))
            db.commit()
            if number % 30 == 29:
                say(f"metrics of {number + 1} days")
    if engine.dialect.name == "sqlite":  # without statistics, which no server makes
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
    else:
        seeded.settle(engine)


def known(engine: Engine, sessions: int) -> Made:
    """What was made of a database."""
    with engine.connect() as db:
        home = db.execute(select(organization).order_by(organization.c.created_at.desc()).limit(1)).one()
        begin = int(db.execute(select(func.min(session.c.created_at))).scalar_one())
        of_home = db.execute(select(session.c.id).where(session.c.org_id == home.org_id).limit(2_000)).scalars().all()
    org_ids = [org_id(number, home.org_id) for number in range(ORGANIZATIONS)]
    return Made(home.enterprise_id, org_ids, begin, sessions, list(of_home))
