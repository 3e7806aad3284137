"""The commands that drain: what they answer, what they refuse, and that they are recorded."""

import pytest
from sqlalchemy import select

from cogmill.domain.hypervisors import service
from cogmill.domain.hypervisors.service import Place
from cogmill.kit.identity import identity, read_identity
from cogmill.models.audit import audit_log


@pytest.fixture
async def here(server):
    """A process of this data folder, which has said that it works."""
    name = identity(server.runtime.settings.data)
    await server.write(lambda ctx: service.register(ctx, Place(name, None, 4)))
    await server.write(lambda ctx: service.beat(ctx, name, 1))
    return name


async def test_draining_and_back(server, here, cogmill):
    assert cogmill("hypervisors", "drain").code == 0
    (shown,) = cogmill("hypervisors", "list", "--json").json
    assert (shown["hypervisor_id"], shown["status"], shown["drained"], shown["running"]) == (here, "draining", True, 1)
    assert cogmill("hypervisors", "undrain", here, "--json").json["status"] == "available"
    query = select(audit_log.c.data).where(audit_log.c.action == "update_enterprise_hypervisor_settings")
    said = [row.data for row in await server.read(lambda ctx: ctx.db.execute(query.order_by(audit_log.c.id)).all())]
    assert [(one["hypervisor_id"], one["is_drained"]) for one in said] == [(here, True), (here, False)]
    assert "available" in cogmill("hypervisors", "list").out


async def test_waiting_ends_when_the_drained_one_runs_nothing(server, here, cogmill):
    await server.write(lambda ctx: service.end(ctx, here))
    shown = cogmill("hypervisors", "drain", "--wait", "--json").json
    assert (shown["status"], shown["running"]) == ("terminated", 0)


@pytest.mark.one_database
async def test_refusals(here, cogmill):
    again = [cogmill("hypervisors", "undrain", "--json"), cogmill("hypervisors", "drain", "hypervisor-0", "--json")]
    assert [one.code for one in again] == [1, 1]
    assert "was not drained" in again[0].error["message"]
    assert "cogmill hypervisors list" in again[1].error["message"]


@pytest.mark.one_database
async def test_a_folder_without_a_server(server, cogmill):
    assert "No server has run" in cogmill("hypervisors", "list").out
    assert cogmill("hypervisors", "drain", "--json").code == 1


def test_an_identity_stays(tmp_path):
    assert read_identity(tmp_path) is None
    first = identity(tmp_path)
    assert identity(tmp_path) == first == read_identity(tmp_path)
    (tmp_path / "hypervisor-id").write_text("nonsense")
    assert identity(tmp_path) not in {first, "nonsense"}
