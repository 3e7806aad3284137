"""Calls on identities, for several slices."""

import pytest

from .identities import Identities


@pytest.fixture
def ids(server):
    return Identities(server)
