"""`cogmill secrets rotate-master-key` beside a running server, for every place a master key can lie in."""

import base64
import json
import os
import shutil

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

import cogmill.server
from cogmill.access.key_services import KeyServiceFailed, key_services
from cogmill.kit.crypto import load_keys
from cogmill.kit.settings import SettingsError
from cogmill.models.audit import audit_log
from cogmill.models.content import secret
from cogmill.models.installation import data_key
from cogmill.models.metadata import metadata
from cogmill.models.sealed import SEALED
from cogmill.models.sessions import session_secret
from cogmill.preconditions import Unusable

from .transit import TransitService

CANARY = "canary-93bd5de16f"


@pytest.fixture
async def stored(server):
    """A secret of the organization, and a session that took it along."""
    client = await server.client("org_admin")
    base = f"/v3/organizations/{server.world.org}"
    body = {"type": "key-value", "key": "TOKEN", "value": CANARY}
    made = (await client.post(f"{base}/secrets", json=body)).json()["secret_id"]
    answer = await client.post(f"{base}/sessions", json={"prompt": "Do it."})
    return made, answer.json()["session_id"]


@pytest.fixture
def values(server, stored):
    """The stored texts of that secret, and what the running server opens them to."""
    secret_id, session_id = stored
    bound = [secret_id, f"{session_id}/TOKEN"]

    async def read():
        sealed = await server.read(
            lambda ctx: [ctx.db.execute(select(one.c.sealed)).scalar_one() for one in (secret, session_secret)]
        )
        opened = [server.runtime.keyring.decrypt(text, owner) for text, owner in zip(sealed, bound, strict=True)]
        return sealed, opened

    return read


def test_every_sealed_column_is_reached():
    named = {column for table in metadata.tables.values() for column in table.c if column.name.startswith("sealed")}
    assert named == {one.column for one in SEALED}


async def test_a_new_key_in_the_file_while_the_server_runs(cogmill, server, settings, values):
    assert (await values())[1] == [CANARY, CANARY]
    old = load_keys(settings.keys_file)
    said = cogmill("secrets", "rotate-master-key", "--json").json
    assert said == {"master_key": "keys.json", "data_key": 2, "resealed": 2}
    sealed, opened = await values()
    assert opened == [CANARY, CANARY]
    assert all(text.startswith("v2:2:") for text in sealed)
    new = load_keys(settings.keys_file)
    assert new.master == old.master
    assert len(new.wrapping) == 1
    assert new.wrapping_keys[0] not in old.wrapping_keys
    assert settings.keys_file.stat().st_mode & 0o777 == 0o600
    rows = await server.read(lambda ctx: ctx.db.execute(select(data_key)).all())
    assert [row.number for row in rows] == [2]
    with pytest.raises(KeyServiceFailed, match="another master key"):
        key_services(settings, old).unwrap(rows[0].wrapped)
    query = select(audit_log.c.action, audit_log.c.data).order_by(audit_log.c.id.desc()).limit(1)
    record = await server.read(lambda ctx: ctx.db.execute(query).one())
    assert record.action == "rotate_master_key"
    assert "data_key" in record.data


async def test_values_of_before_data_keys_are_reached_too(cogmill, server, values, stored):
    brief = server.runtime.keyring.encrypt_briefly(CANARY, stored[0])
    await server.write(lambda ctx: ctx.db.execute(update(secret).values(sealed=brief)))
    assert (await values())[1][0] == CANARY
    assert "Values sealed anew: 2" in cogmill("secrets", "rotate-master-key").out
    sealed, opened = await values()
    assert opened == [CANARY, CANARY]
    assert all(text.startswith("v2:2:") for text in sealed)


async def test_what_is_stored_afterwards_has_the_new_key(cogmill, server, values):
    cogmill("secrets", "rotate-master-key")
    client = await server.client("org_admin")
    body = {"type": "key-value", "key": "LATER", "value": CANARY}
    made = (await client.post(f"/v3/organizations/{server.world.org}/secrets", json=body)).json()["secret_id"]
    query = select(secret.c.sealed).where(secret.c.secret_id == made)
    assert (await server.read(lambda ctx: ctx.db.execute(query).scalar_one())).startswith("v2:2:")


async def test_a_cut_rotation_can_be_begun_again(cogmill, server, settings, values, monkeypatch):
    def cut(*_):
        raise KeyServiceFailed("cut")

    with monkeypatch.context() as broken:
        broken.setattr("cogmill.domain.secrets.resealing.reseal_all", cut)
        assert cogmill("secrets", "rotate-master-key").code == 1
    assert (await values())[1] == [CANARY, CANARY]
    kept = load_keys(settings.keys_file)
    assert len(kept.wrapping) == 2
    assert cogmill("secrets", "rotate-master-key", "--json").json["resealed"] == 2
    assert (await values())[1] == [CANARY, CANARY]
    assert len(load_keys(settings.keys_file).wrapping) == 1


async def test_a_master_key_in_the_environment(cogmill, server, settings, values, monkeypatch):
    key = base64.b64encode(os.urandom(32)).decode()
    monkeypatch.setenv("COGMILL_MASTER_KEY", key)
    # A server that was not started with it could not open what comes, so its own settings stand for the restart.
    server.runtime.keyring.data_keys._service = lambda: key_services(
        settings.model_copy(update={"master_key": SecretStr(key)}), load_keys(settings.keys_file)
    )
    assert cogmill("secrets", "rotate-master-key", "--json").json["master_key"] == "environment"
    assert (await values())[1] == [CANARY, CANARY]
    with pytest.raises(Unusable, match="rotate-master-key"):  # the next start without it
        cogmill_server_of(settings)


def cogmill_server_of(settings):
    return cogmill.server.build(settings, cogmill.server.Installation(load_keys(settings.keys_file), None))


async def test_a_key_service_never_gives_its_key_away(cogmill, server, settings, values, monkeypatch):
    with TransitService("right-token") as service:
        given = {"key_service_url": service.url, "key_service_token": SecretStr("right-token")}
        monkeypatch.setenv("COGMILL_KEY_SERVICE_URL", service.url)
        monkeypatch.setenv("COGMILL_KEY_SERVICE_TOKEN", "wrong-token")
        refused = cogmill("secrets", "rotate-master-key", "--json")
        assert refused.code == 1
        assert "HTTP 403" in refused.error["message"]
        assert "wrong-token" not in refused.err
        monkeypatch.setenv("COGMILL_KEY_SERVICE_TOKEN", "right-token")
        with_service = settings.model_copy(update=given)
        server.runtime.keyring.data_keys._service = lambda: key_services(with_service, load_keys(settings.keys_file))
        assert cogmill("secrets", "rotate-master-key", "--json").json["master_key"] == "key service"
        assert (await values())[1] == [CANARY, CANARY]
        wrapped = await server.read(lambda ctx: ctx.db.execute(select(data_key.c.wrapped)).scalars().all())
        assert all(text.startswith("vault:v") for text in wrapped)
    with pytest.raises(Unusable, match="did not decrypt"):
        cogmill_server_of(with_service)
    with pytest.raises(Unusable, match="COGMILL_KEY_SERVICE_URL"):
        cogmill_server_of(settings)


@pytest.mark.parametrize("key", ["", "short", base64.b64encode(b"x" * 31).decode(), "ä" * 44])
def test_a_master_key_that_is_none(settings, key):
    with pytest.raises(SettingsError, match="base64 of 32 random bytes"):
        key_services(settings.model_copy(update={"master_key": SecretStr(key)}), load_keys(settings.keys_file))


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://vault.example/v1/transit/keys/k", "t"),
        ("https://vault.example/v1/transit", "t"),
        ("https://v/keys/k", None),
    ],
)
def test_a_key_service_that_cannot_be_used(settings, url, token):
    given = {"key_service_url": url, "key_service_token": token and SecretStr(token)}
    with pytest.raises(SettingsError, match="COGMILL_KEY_SERVICE_URL"):
        key_services(settings.model_copy(update=given), load_keys(settings.keys_file))


async def test_a_keys_file_of_the_first_version_still_opens(server, settings, stored, values):
    """Its only key also wrapped the data keys, until a rotation."""
    kept = json.loads(settings.keys_file.read_text())
    assert "wrapping_keys" not in kept
    copy = settings.data.parent / "copy"
    shutil.copytree(settings.data, copy)
    _, runtime = cogmill_server_of(settings.model_copy(update={"data": copy}))
    sealed, _ = await values()
    assert runtime.keyring.decrypt(sealed[0], stored[0]) == CANARY
    await runtime.database.close()
