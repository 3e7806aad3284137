"""Repositories of an organization: their indexes, and searching them."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from cogmill.client.http import Http
from cogmill.client.models import CodeHit, IndexingStatus, IndexJob, Page, Repository, RepositoryIndexing
from cogmill.client.reading import given, read


class Repositories:
    """Those of the caller's organization."""

    def __init__(self, http: Http, org_id: Callable[[], str]) -> None:
        self._http, self._org_id = http, org_id

    def list_(self, query: Mapping[str, Any]) -> Page[Repository]:
        asked = given({**query, "load_indexing_status": "true"})
        return read(Page[Repository], self._http.json("GET", self._base(), params=asked))

    def index(self, path: str, branches: list[str]) -> RepositoryIndexing:
        """Turn indexing on; no branches: the default one, or those that are indexed already."""
        body = {"branch_names": branches}
        return read(RepositoryIndexing, self._http.json("PUT", self._indexing(path), json=body))

    def remove(self, path: str) -> RepositoryIndexing:
        return read(RepositoryIndexing, self._http.json("DELETE", self._indexing(path)))

    def status(self, path: str) -> IndexingStatus:
        return read(IndexingStatus, self._http.json("GET", self._indexing(path)))

    def jobs(self, path: str, first: int) -> Page[IndexJob]:
        address = f"/cogmill/v1/organizations/{self._org_id()}/index-jobs"
        query = {"repository_path": path, "first": first}
        return read(Page[IndexJob], self._http.json("GET", address, params=query))

    def search(self, query: Mapping[str, Any]) -> Page[CodeHit]:
        address = f"/cogmill/v1/organizations/{self._org_id()}/code-search"
        return read(Page[CodeHit], self._http.json("GET", address, params=given(query)))

    def _base(self) -> str:
        return f"/v3beta1/organizations/{self._org_id()}/repositories"

    def _indexing(self, path: str) -> str:
        return f"{self._base()}/{quote(path, safe='')}/indexing"
