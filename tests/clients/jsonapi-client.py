# [quirks]
# * It creates and changes only resources that a schema describes.
# * It cannot read a 204, so `Prefer: return=representation` asks for a document when a resource is deleted.
# * A failed request raises a `DocumentError`; the error objects are in `error.response.json()`.
# [/quirks]

from typing import Any

from steps import API, TOKEN, check_client, step_runner

# [setup]
from jsonapi_client import Filter, Inclusion, Modifier, Session
from jsonapi_client.exceptions import DocumentError

TEXT = {"type": ["string", "null"]}
TO_USER = {"relation": "to-one", "resource": ["users"]}
EDGE = {"relationship": TEXT, "created-at": TEXT, "updated-at": TEXT, "user": TO_USER, "target": TO_USER}
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Prefer": "return=representation"}


def open_session() -> Session:
    schema = {"user-relationships": {"properties": EDGE}}
    return Session(API, schema=schema, request_kwargs={"headers": HEADERS, "timeout": 10})


# [/setup]


class JsonApiClient:
    def find(self) -> tuple[int, list[str]]:
        # [example: List]
        leads = open_session().get(
            "user-relationships", Filter(user="me", relationship="subordinate") + Inclusion("target")
        )
        # [/example]
        return leads.meta.total_count, [edge.target.id for edge in leads.resources]

    def page_through(self) -> list[str]:
        # [example: Page through]
        edges = list(open_session().iterate("user-relationships", Modifier("page[size]=50")))
        # [/example]
        return [edge.id for edge in edges]

    def create(self) -> str:
        # [example: Create]
        edge = open_session().create_and_commit("user-relationships", relationship="mentor", target="1000")
        # [/example]
        return edge.id

    def duplicate(self) -> dict[str, Any]:
        # [example: 409, because it exists]
        try:
            open_session().create_and_commit("user-relationships", relationship="mentor", target="1000")
        except DocumentError as error:
            refusal = error.response.json()["errors"][0]
            existing = refusal["meta"]["existing-id"]
        # [/example]
        assert existing
        return refusal

    def change(self, id: str) -> str:
        # [example: Change]
        edge = open_session().get("user-relationships", id).resource
        edge.relationship = "colleague"
        edge.commit()
        # [/example]
        edge.refresh()
        return edge.relationship

    def remove(self, id: str) -> None:
        edge = open_session().get("user-relationships", id).resource
        # [example: Delete]
        edge.delete()
        edge.commit()
        # [/example]

    def field_error(self) -> dict[str, Any]:
        # [example: Show an error at its field]
        try:
            open_session().create_and_commit("user-relationships", relationship="friend", target="1000")
        except DocumentError as error:
            problem = error.response.json()["errors"][0]
            field = problem["source"]["pointer"]  # "/data/attributes/relationship"
        # [/example]
        assert field
        return problem


check_client("jsonapi-client", JsonApiClient())
passed = step_runner("jsonapi-client")

me = open_session().get("users", "me").resource
assert (me.id, me.name) == ("1017", "Oskar Johansson"), me
assert me.links.self.url == f"{API}/users/1017", me.links.self.url
passed("users/me", me.name)

edges = list(open_session().iterate("user-relationships", Modifier("page[size]=50&sort=-id")))
assert [int(edge.id) for edge in edges] == sorted((int(edge.id) for edge in edges), reverse=True)
passed("all pages by cursor, reversed", f"{len(edges)} relationships")

found = open_session().get("user-relationships", Filter(user="1017") + Inclusion("target"))
assert {user.id for user in found.included} == {edge.target.id for edge in found.resources}
lead = next(edge.target for edge in found.resources if edge.relationship == "subordinate")
assert lead.name == "Mateusz Kowalczyk", lead.name
passed("include the target", f"{lead.id} is {lead.name}")

# The user is not included here: the library fetches it on access.
edge = open_session().get("user-relationships", Filter(user="1017", relationship="subordinate")).resource
assert edge.target.name == "Mateusz Kowalczyk", edge.target.name
passed("fetch the target", edge.target.name)

found = open_session().get("users", Filter(query="kim"))
names = [user.name for user in found.resources]
assert "Eun-ji Kim" in names, names
assert found.meta.total_count == len(names), found.meta
passed("search users", ", ".join(names))
