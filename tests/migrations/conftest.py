"""Empty databases of either kind, which the tests migrate themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from cogmill.kit.db import sqlite_engine


@pytest.fixture
def empty(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    if database_kind == "sqlite":
        engine = sqlite_engine(f"sqlite:///{tmp_path / 'empty.db'}")
        yield engine
        engine.dispose()
        return
    cluster = request.getfixturevalue("cluster")
    url = cluster.create()
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    engine.dispose()
    cluster.drop(url)
