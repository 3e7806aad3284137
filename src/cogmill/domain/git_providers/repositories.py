"""The repositories that a connection's credentials reach, asked for at the provider."""

from typing import Any

from cogmill.domain.git_providers.credentials import provider_of
from cogmill.domain.git_providers.schemas import GitConnectionRepositoryOut, RepositoryQuery
from cogmill.kit.crypto import Keyring
from cogmill.kit.errors import Unavailable
from cogmill.kit.paging import Slice, decode_cursor, encode_cursor
from cogmill.scm.provider import ProviderError, RepositoryFact

_PAGES = 50
"""Most pages of the provider that are looked through for one of ours: not every provider filters by name itself."""


async def list_page(keyring: Keyring, row: Any, query: RepositoryQuery) -> Slice[GitConnectionRepositoryOut]:
    """One page; the cursor is the number of the provider's next one."""
    page = decode_cursor(query.after) if query.after is not None else 1
    last, provider = page + _PAGES, provider_of(keyring, row)
    try:
        found = await provider.repositories(page, query.first, query.filter_name)
        while not found.items and found.has_more and page < last:
            page += 1
            found = await provider.repositories(page, query.first, query.filter_name)
    except ProviderError as error:
        raise Unavailable(str(error)) from None
    cursor = encode_cursor(page + 1) if found.has_more else None
    return Slice([_present(row, one) for one in found.items], cursor)


def _present(row: Any, one: RepositoryFact) -> GitConnectionRepositoryOut:
    return GitConnectionRepositoryOut(
        provider_repository_id=one.id, git_connection_id=row.git_connection_id, git_connection_host=row.host,
        repo_name=one.name, repo_path=one.path, repo_description=one.description, last_updated_at=one.updated_at,
        repo_language=one.language,
    )  # fmt: skip
