"""Cookies where a proxy ends TLS: they are for https, and only a trusted proxy may say so."""

import httpx
import pytest

from tests.domain.sign_ins.conftest import PASSWORD, Door, door

__all__ = ["door"]
pytestmark = pytest.mark.one_database
GIVEN = {"email": "person@example.org", "password": PASSWORD}


async def cookie(door: Door, peer: str = "10.9.0.1", **headers: str) -> str:
    transport = httpx.ASGITransport(door.server.app, client=(peer, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://cogmill.test", headers=headers) as client:
        answer = await client.post("/cogmill/v1/sign-in", json=GIVEN)
    assert answer.status_code == 200, answer.text
    return answer.headers["set-cookie"]


@pytest.mark.settings(behind_proxy=True)
async def test_behind_a_proxy_cookies_are_secure_without_its_word(door):
    said = await cookie(door, origin="https://cogmill.test")
    assert said.startswith("__Host-cogmill=")
    assert "; Secure" in said


@pytest.mark.settings(trusted_proxies=["10.9.0.0/16"])
@pytest.mark.parametrize(("peer", "is_secure"), [("10.9.0.1", True), ("10.8.0.1", False)])
async def test_the_scheme_is_taken_from_trusted_proxies_only(door, peer, is_secure):
    said = await cookie(door, peer, **{"x-forwarded-proto": "http, https"})
    assert ("; Secure" in said) is is_secure
