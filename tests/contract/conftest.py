"""What the contract's tests share."""

import pytest

from cogmill.access.legacy_calls import LegacyCalls
from cogmill.access.uses import Uses


@pytest.fixture(autouse=True)
def _notes_stay_in_memory(monkeypatch):
    """These tests compare what is written and asked; notes of requests would come in between after a while."""
    for notes in (LegacyCalls, Uses):
        monkeypatch.setattr(notes, "INTERVAL", 3600.0)
