"""No query on tenant data begins outside `access/scope.py`, but for reviewed places that say why they may."""

import ast
from collections.abc import Iterator

from cogmill.models import metadata
from tests.architecture.sources import Source, sources

BY_SESSION = "session rows are reached by the row id of a session that was found within the scope before"
ENGINE = "the engine works for the server, on the session that it has claimed by row id"
LOGIN = "runs before there is a scope: finds out whose the key is"

ALLOWED = {
    ("access/principals.py", "find_principal", "api_key"): LOGIN,
    ("access/principals.py", "_owner", "service_user"): LOGIN,
    ("access/principals.py", "_owner", "user"): LOGIN,
    ("access/principals.py", "_org_is_gone", "organization"): LOGIN,
    ("access/principals.py", "read_rights", "role_assignment"): LOGIN,
    ("access/principals.py", "read_rights", "role"): LOGIN,
    ("access/principals.py", "read_rights", "organization"): LOGIN,
    ("domain/attachments/service.py", "linked", "attachment"): "the signed link names it; there is no caller",
    ("domain/identity/service.py", "assign_default_role", "role"): "makes a principal of the enterprise it names",
    ("domain/pull_requests/endpoints.py", "session_diff", "event"): BY_SESSION,
    ("domain/pull_requests/service.py", "of_session", "pull_request"): BY_SESSION,
    ("domain/pull_requests/service.py", "open_or_update", "pull_request"): BY_SESSION,
    ("domain/sessions/create.py", "attribution", "role_assignment"): "compares with the scope's one organization",
    ("domain/sessions/queries.py", "attachments_of", "attachment"): BY_SESSION,
    ("domain/sessions/queries.py", "attachments_of", "session_attachment"): BY_SESSION,
    ("domain/sessions/queries.py", "_pull_requests", "pull_request"): BY_SESSION,
    ("domain/sessions/queries.py", "_children", "session"): BY_SESSION,
    ("domain/sessions/events.py", "*", "event"): BY_SESSION,
    ("domain/sessions/service.py", "reload", "session"): BY_SESSION,
    ("domain/sessions/service.py", "_archive_tree", "session"): "children are made within their parent's organization",
    ("engine/embedded.py", "*", "session"): "looks for work of all organizations; shows it to nobody",
    ("engine/loops/workspaces.py", "*", "session"): "finds ended sessions of all organizations; shows them to nobody",
    ("engine/runner.py", "*", "attachment"): ENGINE,
    ("engine/store.py", "*", "session"): ENGINE,
    ("engine/store.py", "*", "session_secret"): ENGINE,
    ("engine/store.py", "*", "session_event"): ENGINE,
    ("web/call.py", "_check_organization", "organization"): "this is the check that the organization is within reach",
}
"""(file, function or *, table as named there) -> why. A new line here needs a review, not only a green test."""

# Who belongs to no tenant: the enterprise itself. All other tables hold an org_id or hang on one that does.
TENANT_TABLES = set(metadata.tables) - {"enterprise"}


def imported_tables(source: Source) -> set[str]:
    """Names that stand for tables in this file."""
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cogmill.models"):
            for alias in node.names:
                if alias.name in TENANT_TABLES | {"user"}:
                    found.add(alias.asname or alias.name)
    return found


def aliases(function: ast.AST, tables: set[str]) -> dict[str, set[str]]:
    """Local names whose value mentions tables: `columns = session.c` or `columns = (pull_request.c.url, …)`."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            # A table's rows fetched into a local name are no table.
            calls = any(isinstance(part, ast.Call) for part in ast.walk(node.value))
            named = mentioned(node.value, tables)
            if named and not calls:
                found[node.targets[0].id] = named
    return found


def mentioned(node: ast.AST, tables: set[str]) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and part.id in tables}


def bare_selects(source: Source) -> Iterator[tuple[str, str, str]]:
    """(file, function, table) of every `select(…)` that names a tenant table."""
    tables = imported_tables(source)
    for outer in [*source.tree.body]:
        inner = [outer] if not isinstance(outer, ast.ClassDef) else list(outer.body)
        for function in inner:
            name = getattr(function, "name", "<module>")
            known = aliases(function, tables)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "select":
                    for argument in node.args:
                        direct = mentioned(argument, tables)
                        through = {t for n in mentioned(argument, set(known)) for t in known[n]}
                        for table in direct | through:
                            yield source.name, name, table


def found() -> set[tuple[str, str, str]]:
    return {hit for one in sources() if one.name != "access/scope.py" for hit in bare_selects(one)}


def is_allowed(hit: tuple[str, str, str]) -> bool:
    file, _, table = hit
    return hit in ALLOWED or (file, "*", table) in ALLOWED


def test_no_bare_select_on_a_tenant_table():
    assert sorted(hit for hit in found() if not is_allowed(hit)) == []


def test_no_exception_outlives_its_reason():
    hits = found()
    used = hits | {(file, "*", table) for file, _, table in hits}
    assert sorted(entry for entry in ALLOWED if entry not in used) == []


def test_services_write_no_sql_text():
    """`text()` would go around both the scope and this test."""
    texts = [
        f"{one.name}:{node.lineno}"
        for one in sources()
        if one.name.startswith(("domain/", "engine/", "access/"))
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) == "text" or getattr(node.func, "attr", None) == "exec_driver_sql")
        and isinstance(node.args[0] if node.args else None, ast.Constant)
    ]
    assert texts == []


def test_the_rule_finds_what_it_must_find():
    text = (
        "from sqlalchemy import select\nfrom cogmill.models.sessions import session as s, session_event\n"
        "def a(ctx):\n    return select(s)\n"
        "def b(ctx):\n    columns = s.c\n    return select(columns.id)\n"
        "class C:\n    def d(self):\n        return select(session_event.c.seq).where(True)\n"
    )
    from tests.architecture.sources import PACKAGE

    example = Source(PACKAGE / "example.py", text, ast.parse(text))
    assert set(bare_selects(example)) == {
        ("example.py", "a", "s"), ("example.py", "b", "s"), ("example.py", "d", "session_event"),
    }  # fmt: skip
