"""A world with one of everything, empty places to import into, and the command line over any data folder."""

import gzip
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from cogmill.domain.sessions.log import NewEvent, append
from cogmill.domain.usage.ledger import Use
from cogmill.main import app
from cogmill.models.sessions import session
from tests.administration.conftest import Outcome
from tests.contract.things import make_shared, make_things, ok

OTHER = {"sqlite": "postgres", "postgres": "sqlite"}


@dataclass
class Site:
    """A data folder and its database, as an operator sees them."""

    data: Path
    url: str

    def __call__(self, *arguments):
        environment = {"COGMILL_DATA": str(self.data), "COGMILL_DATABASE_URL": self.url}
        result = CliRunner().invoke(app, [str(one) for one in arguments], env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def done(self, *arguments):
        outcome = self(*arguments, "--json")
        assert outcome.code == 0, outcome.err
        return outcome.json


@pytest.fixture
def empty_site(tmp_path, request):
    """Makes empty places on a kind of database, by default with the keys file of the exported instance."""
    urls = []

    def make(kind, keys=None):
        data = tmp_path / f"place{len(urls)}"
        data.mkdir()
        urls.append(f"sqlite:///{data / 'cogmill.db'}")
        if kind == "postgres":
            urls[-1] = request.getfixturevalue("cluster").create()
        if keys is not None:
            shutil.copy(keys, data / "keys.json")
        return Site(data, urls[-1])

    yield make
    for url in urls:
        if url.startswith("postgres"):
            request.getfixturevalue("cluster").drop(url)


@pytest.fixture
def site(settings):
    """The test's own instance."""
    return Site(settings.data, settings.database_url.get_secret_value())


@pytest.fixture
async def things(server, sessions):
    """One of everything in the main organization and in a foreign one; sessions with events, files and use."""
    made = await make_things(server, server.world.org, "org_admin", "enterprise_admin", "own")
    await make_shared(server, "enterprise_admin")
    org, top = await server.client("org_admin"), await server.client("enterprise_admin")
    base = f"/v3/organizations/{server.world.org}"
    folders = f"/cogmill/v1/organizations/{server.world.org}/knowledge/folders"
    inner = await ok(org.post(folders, json={"name": "Below", "parent_folder_id": made["folder_id"][0]}))
    note = {"name": "Zebras", "body": "Grüße \U0001f600 stripes", "trigger": "zebras", "folder_id": inner["folder_id"]}
    made["zebras"] = [(await ok(org.post(f"{base}/knowledge/notes", json=note)))["note_id"]]
    file = await ok(org.post(f"{base}/attachments", files={"file": ("a.bin", bytes(range(256)) * 5000)}))
    made["uuid"].append(file["attachment_id"])
    asked = {"prompt": "Look.", "tags": ["one"], "attachment_urls": [file["url"]], "idempotent": True}
    await ok((await server.client("person")).post(f"{base}/sessions", json=asked))
    await ok(top.post(f"{base}/sessions", json={"prompt": "p"}, headers={"idempotency-key": "once"}))
    await server.write(_use_up)
    return made


def _use_up(ctx):
    for number, row in enumerate(ctx.db.execute(select(session).order_by(session.c.id)).all()):
        events = [NewEvent("x", "other", f"event {one} \u2028 'quoted'", {"n": one / 3}) for one in range(3)]
        use = Use(at=1_700_000_000.5 + 90_000 * number)
        append(ctx, row.id, row.session_id, events, acus=number + 1, usd=3, use=use)
    ctx.db.execute(update(session).values(run_state="idle"))


def content(file):
    """The lines of each table, and the bytes of each file, of an export."""
    tables, files = {}, {}
    with tarfile.open(file) as tar:
        for member in tar:
            kind, _, rest = member.name.partition("/")
            found = tar.extractfile(member).read()
            if kind == "tables":
                tables.setdefault(rest.partition("/")[0], []).extend(gzip.decompress(found).splitlines())
            elif kind == "files":
                files[rest] = found
    return tables, files


def parsed(lines):
    return [json.loads(line) for line in lines]
