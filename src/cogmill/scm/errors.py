"""What can go wrong with git, apart from git itself failing (`git.GitError`)."""

from cogmill.kit.errors import BadRequest, Conflict, NotFound, TooLarge


class RepositoryRefused(BadRequest):
    detail = "This repository cannot be used."


class EmptyRepository(BadRequest):
    detail = "The repository has no commit yet; push a first commit and try again."


class NoDefaultBranch(BadRequest):
    detail = "The repository has no default branch; name the branch to start from."


class UnknownRepository(NotFound):
    detail = "No such repository."


class UnknownBranch(NotFound):
    detail = "No such branch."


class PushRefused(Conflict):
    detail = "The push was refused."


class BundleTooLarge(TooLarge):
    detail = "The commits are larger than one push may be."


class WorkspaceGitError(Exception):
    """Git inside the sandbox failed or answered nonsense; the text is cleaned and short."""


class NoNewCommits(ValueError):
    """The work branch has nothing that its base does not have."""
