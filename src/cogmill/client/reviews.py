"""Reviews of pull requests: starting one, and how it stands."""

from collections.abc import Callable

from cogmill.client.http import Http
from cogmill.client.models import PrReview
from cogmill.client.reading import given, read


class Reviews:
    """Those of the caller's organization, or of the whole enterprise."""

    def __init__(self, http: Http, org_id: Callable[[], str]) -> None:
        self._http, self._org_id = http, org_id

    def start(self, pr_url: str, *, everywhere: bool) -> PrReview:
        """Of the pull request's head; the one that is under way, if there is one."""
        return read(PrReview, self._http.json("POST", self._path(everywhere), json={"pr_url": pr_url}))

    def view(self, pr_url: str, commit: str | None, *, everywhere: bool) -> PrReview:
        """The newest one of a commit, by default of the head."""
        query = given({"pr_url": pr_url, "commit_sha": commit})
        return read(PrReview, self._http.json("GET", self._path(everywhere), params=query))

    def _path(self, everywhere: bool) -> str:
        return "/v3/enterprise/pr-reviews" if everywhere else f"/v3/organizations/{self._org_id()}/pr-reviews"
