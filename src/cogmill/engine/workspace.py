"""A session's workspace: its folder, its sandbox, its clones, and the way of commits out to the forge."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.context import Context, Runtime
from cogmill.access.scope import Scope
from cogmill.domain.code_scans.evidence import resolve as commit_at
from cogmill.domain.git_providers.use import Grant, granted
from cogmill.domain.pr_reviews.jobs import pushed_here
from cogmill.domain.pull_requests.service import note_provided, open_or_update
from cogmill.domain.repositories.indexing import follow
from cogmill.domain.sessions.create import local_paths
from cogmill.engine.agents.seam import Checkout, PullRequest, StepResult
from cogmill.engine.snapshots.snapshot import Snapshot, place_of_mirror
from cogmill.engine.store import Store, title_of
from cogmill.kit.errors import Forbidden
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.kit.settings import Settings
from cogmill.sandbox.protocol import Limits, Sandbox, SandboxDriver, SandboxSpec
from cogmill.scm.checkout import Clone, Identity, make_bundle, prepare_clone, work_head, workspace_diff
from cogmill.scm.errors import NoNewCommits, PushRefused, UnknownBranch
from cogmill.scm.forge import LocalForge
from cogmill.scm.git import GitError
from cogmill.scm.mirrors import MirrorCache, MirrorRefs, read_refs
from cogmill.scm.names import work_branch_name
from cogmill.scm.provider import PullRequestDraft
from cogmill.scm.pushes import push_branch
from cogmill.scm.repositories import RepositoryRef, parse_repository
from cogmill.web.call import Call

log = logger("engine")

FRESH_SECONDS = 2.0
"""A mirror whose fetch began less than this ago is not fetched again: sessions started together share one fetch."""


async def fetch_source(runtime: Runtime, mirrors: MirrorCache, org_id: str, repo: str, since: float) -> "Source":
    """Bring a repository's mirror up to date and its copy at the organization's forge; idempotent."""
    asked, forge = parse_repository(repo, local_paths(runtime.settings)), forge_of(runtime, org_id)
    call = Call(runtime, Scope("", org_id), "fetch", None)
    grant = await call.read(lambda ctx: granted(ctx, asked, forge))
    if grant is None and asked.kind == "name":
        return Source(asked, asked.name, forge.path(asked.name), asked)
    if grant is not None:
        name, mirror = await fetch_granted(runtime, mirrors, org_id, grant, since)
        return Source(grant.ref, name, mirror, asked, grant)
    mirror = await mirrors.mirror(asked, max_age=FRESH_SECONDS, since=since, scope=org_id)
    return Source(asked, await forge.import_from(asked, mirror), mirror, asked)


async def fetch_granted(
    runtime: Runtime, mirrors: MirrorCache, org_id: str, grant: Grant, since: float
) -> tuple[str, Path]:
    """The same for what a connection's permission covers: its name at the forge, and its mirror."""
    credential = await grant.provider(runtime.keyring).sign_in()
    mirror = await mirrors.mirror(grant.ref, max_age=FRESH_SECONDS, since=since, scope=org_id, credential=credential)
    return await forge_of(runtime, org_id).import_from(grant.ref, mirror, lent=True), mirror


def forge_of(runtime: Runtime, org_id: str) -> LocalForge:
    """The organization's repositories at the built-in forge."""
    return LocalForge(runtime.settings.data / "forge" / org_id)


@dataclass(slots=True)
class Source:
    """A repository of the session: where its mirror lies, and its name at the forge."""

    ref: RepositoryRef
    forge_name: str
    mirror: Path
    asked: RepositoryRef
    """As the user named it: what may be done with it is asked again at every push."""
    grant: Grant | None = None
    """The connection that it was cloned through."""

    @property
    def bind(self) -> str:
        return place_of_mirror(self.forge_name)


@dataclass(slots=True)
class Workspace:
    """Built anew by every run from what lies on disk and in the log."""

    runtime: Runtime
    store: Store
    driver: SandboxDriver
    mirrors: MirrorCache
    sources: list[Source] = field(default_factory=list)
    clones: dict[str, Clone] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    """What the session began with."""

    @property
    def folder(self) -> Path:
        return session_folder(self.runtime, self.store.row.session_id)

    @property
    def forge(self) -> LocalForge:
        return forge_of(self.runtime, self.store.row.org_id)

    async def fetch(self, repo: str) -> Source:
        """Bring a repository's mirror up to date and its copy at the forge; idempotent."""
        row = self.store.row
        source = await fetch_source(self.runtime, self.mirrors, row.org_id, repo, row.created_at)
        if source.grant is not None or source.ref.kind != "name":
            await self._follow(source.forge_name)
        return source

    async def _follow(self, name: str) -> None:
        """Its branches may have moved: an index of it follows. Never in the session's way."""
        try:
            await follow(Call(self.runtime, Scope("", self.store.row.org_id), "index", None), name)
        except (GitError, OSError, SQLAlchemyError):
            log.exception("index_not_followed", repository=name)

    async def _granted(self, asked: RepositoryRef) -> Grant | None:
        """The organization's permission as it is now."""
        return await self.store.read(lambda ctx: granted(ctx, asked, self.forge))

    def sandbox(self) -> Sandbox:
        """The session's sandbox over its folder, not started."""
        s, row = self.runtime.settings, self.store.row
        environment = {"COGMILL_SESSION_ID": row.session_id, **sandbox_environment(s)}
        binds = {source.bind: source.mirror for source in self.sources}
        base = None
        if self.snapshot is not None:
            binds = self.snapshot.binds(s.data) | binds
            base = self.snapshot.folder(s.data)
        return self.driver.create(
            SandboxSpec(row.session_id, self.folder, binds, s.sandbox_network, environment, sandbox_limits(s), base)
        )

    async def clone(self, sandbox: Sandbox, source: Source) -> StepResult:
        """Make the clone of a source inside the sandbox on a work branch of the session."""
        refs, row = await read_refs(source.mirror), self.store.row
        if (about := row.request.get("review")) is not None:  # it begins where the pull request ends
            branch, commit = f"pull-request-{about['number']}", about["head_commit"]
        else:
            branch, commit = refs.base()
        if (asked := row.request.get("commit_sha")) is not None:
            commit = await self._commit(source, asked)
        wanted = Clone(
            name=source.forge_name,
            path=sandbox.seen(f"/workspace/{self._folder_name(source)}"),
            base_branch=branch,
            base_commit=commit,
            work_branch=work_branch_name(row.session_id, row.title or title_of(row.prompt)),
        )
        crash_point("clone_begun")
        made = await self.make_clone(sandbox, source, wanted, refs)
        crash_point("clone_made")
        return StepResult(asdict(made), summary=f"Cloned {made.name} ({made.base_branch}) to {made.path}")

    async def _commit(self, source: Source, asked: str) -> str:
        """The whole hash of the commit that a code scan looks at."""
        found = await commit_at(source.mirror, asked)
        if found is None:
            raise UnknownBranch(f"{source.forge_name} has no commit {asked} that a branch or a tag leads to.")
        return found

    async def make_clone(self, sandbox: Sandbox, source: Source, wanted: Clone, refs: MirrorRefs) -> Clone:
        """Just this clone."""
        identity = Identity(self.runtime.settings.git_author_name, self.runtime.settings.git_author_email)
        return await prepare_clone(
            sandbox, wanted, refs, mirror=sandbox.seen(source.bind), origin=source.ref.origin, identity=identity
        )

    def _folder_name(self, source: Source) -> str:
        """The repository's own name, with a number if another one has it; the same in every run of the session."""
        known = self.snapshot.clone_folders if self.snapshot is not None else {}
        if source.forge_name in known:
            return known[source.forge_name]
        taken = {"attachments", *known.values()}
        for one in self.sources:
            own = one.ref.name.rpartition("/")[2]
            name = next(name for name in numbered(own) if name not in taken)
            if one is source:
                return name
            if one.forge_name not in known:
                taken.add(name)
        raise AssertionError(f"{source.forge_name} is no repository of this session")

    def know(self, contents: dict[str, Any]) -> Checkout:
        """Note a clone from its finished step."""
        made = Clone(**{name: contents[name] for name in Clone.__dataclass_fields__})
        self.clones[made.path] = made
        return Checkout(made.name, made.path, made.base_branch, made.work_branch)

    async def push(self, sandbox: Sandbox, checkout: Checkout) -> str:
        """Bring the work branch's commits to the forge, and to the provider that the repository came from.

        Answers the head. ValueError: there is nothing new.
        """
        head, _ = await self._push(sandbox, self.clones[checkout.path])
        return head

    async def _push(self, sandbox: Sandbox, made: Clone) -> tuple[str, Grant | None]:
        grant = await self._may_push(made)
        head = await self._push_to_forge(sandbox, made)
        if grant is not None:
            sign_in = await grant.provider(self.runtime.keyring).sign_in()
            await push_branch(self.forge.path(made.name), grant.ref, made.work_branch, head, sign_in)
            crash_point("pushed_to_provider")
        return head, grant

    async def _may_push(self, made: Clone) -> Grant | None:
        """Refused before anything leaves the sandbox: the permission may have changed since the clone."""
        if self.store.row.request.get("review") is not None:
            raise PushRefused("This session reviews a pull request: it pushes nothing. Say it in the review.")
        source = next(one for one in self.sources if one.forge_name == made.name)
        try:
            grant = await self._granted(source.asked)
        except Forbidden as refusal:
            raise PushRefused(str(refusal)) from None
        if grant is None and source.grant is not None:
            raise PushRefused(f"The connection to {source.grant.called} is gone; nothing can be pushed there any more.")
        if grant is not None and grant.read_only:
            raise PushRefused(
                f"{grant.called} is read-only for this organization: no push and no pull request. The commits stay in "
                "the session's workspace. An administrator can allow writing in the organization's git permissions."
            )
        return grant

    async def _push_to_forge(self, sandbox: Sandbox, made: Clone) -> str:
        target = self.folder / "push.bundle"
        head = await work_head(sandbox, made)
        now = await self.forge.branch_head(made.name, made.work_branch)
        if head in {now, made.base_commit}:
            if now is None:
                raise NoNewCommits(f"{made.work_branch} has no commit that {made.base_branch} does not have.")
            return head
        bundle = await make_bundle(sandbox, made, target)
        crash_point("bundle_made")
        # The branch is this session's alone, so that an amended commit may take the place of the pushed one.
        check = self._refuse_secrets if self.store.redactor.longest else None
        await self.forge.push_branch(made.name, made.work_branch, bundle.path, bundle.head, replaces=now, check=check)
        crash_point("pushed")
        await self._follow(made.name)
        await self.store.fenced(lambda ctx: pushed_here(ctx, self.store.row.org_id, made.name, made.work_branch))
        target.unlink(missing_ok=True)
        return bundle.head

    def _refuse_secrets(self, added: str) -> None:
        if names := self.store.redactor.names(added):
            raise PushRefused(
                f"The commits hold the value of {', '.join(names)}. Take it out of every commit (amend or rebase: a "
                "further commit leaves it in the history), then push again. Read it from the environment instead."
            )

    async def open_pull_request(self, sandbox: Sandbox, checkout: Checkout, title: str, body: str) -> PullRequest:
        """Push, then write the pull request down under the run's epoch; a second call brings it up to date."""
        made = self.clones[checkout.path]
        head, grant = await self._push(sandbox, made)
        redact = self.store.redactor.text
        facts = {
            "repo": made.name, "title": redact(title)[:500], "body": redact(body), "branch": made.work_branch,
            "base_branch": made.base_branch, "base_commit": made.base_commit, "head_commit": head,
        }  # fmt: skip

        provided = await self._deliver(grant, made, facts) if grant is not None else {}

        first = self.runtime.settings.pull_request_check_seconds

        def work(ctx: Context) -> Any:
            if provided:
                return note_provided(ctx, self.store.row.id, facts | provided, ctx.now + first)[0]
            return open_or_update(ctx, self.store.row.id, facts)[0]

        row = await self.store.fenced(work)
        crash_point("pull_request_recorded")
        return PullRequest(row.url, row.number, row.title, row.state, row.branch)

    async def _deliver(self, grant: Grant, made: Clone, facts: dict[str, Any]) -> dict[str, Any]:
        """Open the pull request at the provider; empty where there are none, so that it is kept at our forge."""
        provider = grant.provider(self.runtime.keyring)
        if not provider.keeps_pull_requests:
            return {}
        draft = PullRequestDraft(grant.path, made.work_branch, made.base_branch, facts["title"], facts["body"])
        fact = await provider.deliver(draft)
        crash_point("opened_at_provider")
        return {
            "number": fact.number, "url": fact.url, "state": fact.state, "provider_path": grant.path,
            "git_connection_id": grant.connection_id,
        }  # fmt: skip

    async def diffs(self, sandbox: Sandbox) -> list[dict[str, str]]:
        """What differs from the base in every clone, committed or not."""
        found = []
        for made in self.clones.values():
            head = await work_head(sandbox, made)
            found.append(
                {
                    "repo": made.name, "branch": made.work_branch, "base_branch": made.base_branch,
                    "base_commit": made.base_commit, "head_commit": head,
                    "diff": await workspace_diff(sandbox, made),
                }
            )  # fmt: skip
        return found


def sandbox_limits(s: Settings) -> Limits:
    """Bounds of a session's sandbox, and of a build's."""
    return Limits(
        memory=s.sandbox_memory, processes=s.sandbox_processes, cpu_seconds=s.sandbox_cpu_seconds,
        command_seconds=s.sandbox_command_seconds, output=s.sandbox_output, workspace=s.sandbox_workspace,
    )  # fmt: skip


def sandbox_environment(s: Settings) -> dict[str, str]:
    """Plain variables of every command."""
    return {
        "PYTHONDONTWRITEBYTECODE": "1",  # tests that an agent runs leave nothing in the user's repository
        "GIT_AUTHOR_NAME": s.git_author_name, "GIT_AUTHOR_EMAIL": s.git_author_email,
        "GIT_COMMITTER_NAME": s.git_author_name, "GIT_COMMITTER_EMAIL": s.git_author_email,
    }  # fmt: skip


def numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def session_folder(runtime: Runtime, session_id: str) -> Path:
    """Where a session's files lie."""
    return runtime.settings.data / "sessions" / session_id
