"""The searches that tasks made: `client.searches.page(q="tides")`, `client.searches.all(task=task.id)`."""

from collections.abc import Iterator
from urllib.parse import quote

from opscore_sdk.connection import Connection
from opscore_sdk.models import Search, SearchPage


class Searches:
    """The history of searches of one installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(
        self,
        q: str | None = None,
        *,
        provider: str | None = None,
        task: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> SearchPage:
        """The newest that fit, or those older than the cursor's."""
        given = {"q": q, "provider": provider, "task": task, "cursor": cursor, "limit": limit}
        query = {name: value for name, value in given.items() if value is not None}
        answer = self._connection.json("GET", "/v1/searches", query=query, is_safe=True)
        return SearchPage([Search.read(each) for each in answer["searches"]], answer["next_cursor"])

    def all(self, q: str | None = None, *, provider: str | None = None, task: str | None = None) -> Iterator[Search]:
        """All that fit, newest first, asked for as they are needed."""
        cursor = None
        while True:
            found = self.page(q, provider=provider, task=task, cursor=cursor, limit=200)
            yield from found.searches
            if (cursor := found.next_cursor) is None:
                return

    def named(self, search_id: str) -> Search:
        """The search of this id, with its results."""
        return Search.read(self._connection.json("GET", f"/v1/searches/{quote(search_id, safe='')}", is_safe=True))
