"""What goes in and out of git connections and git permissions; names and meanings are the contract's, but for ours."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from cogmill.web.params import Body, Out, PageQuery

ProviderType = Literal[
    "github_token", "github_individual_token", "github_app", "gitlab_token", "gitlab_oauth", "azure_devops_oauth",
    "bitbucket_oauth", "bitbucket_token", "gitea_token", "git_https", "git_ssh",
]  # fmt: skip
"""The contract's, and three of ours."""
Kind = Literal[
    "github_token", "github_individual_token", "github_app", "gitlab_token", "gitea_token", "git_https", "git_ssh"
]
"""Those that this server can connect to."""
MOST = 200
Path = Annotated[str, StringConstraints(min_length=1, max_length=512, strip_whitespace=True)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=16_384)]


class Credentials(Body):
    """What one kind of connection or another needs."""

    token: Secret | None = Field(None, description="github_token, github_individual_token, gitlab_token, gitea_token")
    app: Word | None = Field(None, description="github_app: id of the app")
    installation: Word | None = Field(None, description="github_app: id of its installation")
    private_key: Secret | None = Field(None, description="github_app: PEM; git_ssh: an OpenSSH key without passphrase")
    username: Word | None = Field(None, description="git_https")
    password: Secret | None = Field(None, description="git_https")
    known_hosts: Annotated[str, StringConstraints(max_length=16_384)] | None = Field(
        None, description="git_ssh: the host's public keys, as lines of a known_hosts file"
    )


class GitConnectionIn(Credentials):
    """A connection with the credentials of its kind."""

    git_provider_type: Kind
    address: Word | None = Field(
        None, description="e.g. https://git.example.com or ssh://git@git.example.com; default: github.com, gitlab.com"
    )
    api_address: Word | None = Field(None, description="where the provider's API is, if not at the usual place")
    name: Word | None = None


class GitConnectionPatch(Credentials):
    """What is given is changed; credentials are given as a whole, as for a new connection."""

    name: Word | None = None


class GitConnectionOut(Out):
    git_connection_id: str
    git_provider_type: ProviderType
    name: str | None
    host: str
    created_at: int


class NewGitConnectionOut(GitConnectionOut):
    """A connection that was just made; its webhook's secret is not shown again."""

    webhook_url: str
    webhook_secret: str


class GitCheckOut(Out):
    git_connection_id: str
    works: bool
    detail: str


class GitWebhookOut(Out):
    pull_requests: int = Field(description="how many known ones will be looked at")


class RepositoryQuery(PageQuery):
    first: Annotated[int, Field(ge=1, le=100, description="Most items on the page")] = 100
    filter_name: str | None = Field(None, max_length=256, description="only those whose path holds it")


class GitConnectionRepositoryOut(Out):
    provider_repository_id: str
    git_connection_id: str
    git_connection_host: str
    repo_name: str
    repo_path: str
    repo_description: str | None
    last_updated_at: int | None
    repo_language: str | None


class GitPermissionIn(Body):
    """Exactly one of the three says what may be used."""

    git_connection_id: str = Field(max_length=256)
    repo_path: Path | None = Field(None, description="one repository, e.g. acme/app")
    group_prefix: Path | None = Field(None, description="all below a group, without a slash at the end, e.g. acme")
    prefix_path: Path | None = Field(None, description="all whose path begins so, e.g. acme/team-; / for all")
    read_only: bool = Field(False, description="clone, but neither push nor open pull requests")


class GitPermissionsIn(Body):
    permissions: Annotated[list[GitPermissionIn], Field(max_length=MOST)]


class GitPermissionPatch(Body):
    read_only: bool | None = None


class GitPermissionOut(Out):
    git_permission_id: str
    git_connection_id: str
    repo_path: str | None
    group_prefix: str | None
    prefix_path: str | None
    read_only: bool
    created_at: int | None
