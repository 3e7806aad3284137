"""A served stub and a client that speaks to it."""

import pytest

from cogmill.client import Client, Target

from .stub import KEY, ORG, Stub, serving


@pytest.fixture
def stub():
    with serving(Stub()) as running:
        yield running


@pytest.fixture
def client(stub):
    with Client(Target(stub.base_url, KEY, ORG)) as client:
        yield client
