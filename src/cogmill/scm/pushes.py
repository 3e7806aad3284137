"""Bringing a session's branch from our forge to the provider that the repository came from."""

from pathlib import Path

from cogmill.scm.errors import PushRefused
from cogmill.scm.git import Bounds, GitError, run_git
from cogmill.scm.names import SESSION_PREFIX, branch_ref, is_hash
from cogmill.scm.repositories import RepositoryRef
from cogmill.scm.sign_in import SignIn, signed_in, told

_SECONDS = 600.0


async def push_branch(repository: Path, ref: RepositoryRef, branch: str, head: str, sign_in: SignIn | None) -> None:
    """Move the branch there to `head`, which our forge has. The same head once more is a success.

    What the branch has there must be something that we pushed: commits of others are never overwritten.
    """
    if not branch.startswith(SESSION_PREFIX):
        raise PushRefused(f"Sessions push to branches below {SESSION_PREFIX}, not to {branch}.")
    assert ref.clone_url is not None  # noqa: S101 - it came from a connection
    push = _Push(repository, ref.clone_url, ref.scheme, sign_in)
    now = await push.head(branch)
    if now == head:
        return
    if now is not None and not await push.is_ours(now):
        raise PushRefused(
            f"{branch} of {ref.name} has commits of somebody else ({now[:12]}); they are not overwritten."
        )
    name = branch_ref(branch)
    await push.git("push", "--quiet", f"--force-with-lease={name}:{now or ''}", "--", push.url, f"{head}:{name}")


class _Push:
    def __init__(self, repository: Path, url: str, scheme: str, sign_in: SignIn | None) -> None:
        self._repository, self.url, self._scheme, self._sign_in = repository, url, scheme, sign_in

    async def head(self, branch: str) -> str | None:
        said = (await self.git("ls-remote", "--", self.url, branch_ref(branch))).decode("ascii", "replace")
        commit = said.partition("\t")[0].strip()
        return commit if is_hash(commit) else None

    async def is_ours(self, commit: str) -> bool:
        try:
            await run_git(["cat-file", "-e", f"{commit}^{{commit}}"], git_dir=self._repository)
        except GitError:
            return False
        return True

    async def git(self, *args: str) -> bytes:
        try:
            with signed_in(self.url, self._sign_in) as environment:
                env = {**environment, "GIT_ALLOW_PROTOCOL": self._scheme}
                return await run_git(args, git_dir=self._repository, env=env, bounds=Bounds(timeout=_SECONDS))
        except GitError as error:
            said = told(error, self._sign_in)
            raise PushRefused(f"{self.url} refused the push: {said}") from None
