"""jsonapi-client 0.9.10 for Python reads and changes relationships as the demo's user 1017.

Quirks: it sends `Accept: */*`, and `{}` with a DELETE. It parses the response to every change as JSON and fails for a 204,
so `Prefer: return=representation` requests a document for deletions. It creates only resources that a schema describes.
"""

import os
from collections.abc import Callable

from jsonapi_client import Filter, Inclusion, Modifier, Session
from jsonapi_client.exceptions import DocumentError

API = os.environ["API_URL"]
TO_USER = {"relation": "to-one", "resource": ["users"]}
TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "user-relationships": {
        "properties": {
            "relationship": TEXT,
            "created-at": TEXT,
            "updated-at": TEXT,
            "user": TO_USER,
            "target": TO_USER,
        }
    }
}
KWARGS = {
    "headers": {
        "Authorization": f"Bearer {os.environ['USER_TOKEN']}",
        "Prefer": "return=representation",
    },
    "timeout": 10,
}


def step(name: str, result: str) -> None:
    print(f"jsonapi-client: {name}: {result}", flush=True)


def refused(act: Callable[[], object]) -> DocumentError:
    try:
        act()
    except DocumentError as error:
        return error
    raise AssertionError("it was not refused")


def session() -> Session:
    """A session with an empty cache."""
    return Session(API, schema=SCHEMA, request_kwargs=KWARGS)


def read() -> None:
    me = Session(API, request_kwargs=KWARGS).get("users", "me").resource
    assert me.id == "1017", me.id
    assert me.name == "Oskar Johansson", me.name
    assert me.links.self.url == f"{API}/users/1017", me.links.self.url
    step("users/me", me.name)

    edges = list(session().iterate("user-relationships"))
    total = session().get("user-relationships", Modifier("page[limit]=0")).meta.total_count
    assert len(edges) == total > 20, (len(edges), total)
    assert len({edge.id for edge in edges}) == total
    assert all(edge.relationship and edge.created_at for edge in edges)
    step("all pages by `next`", f"{total} relationships")

    edges = list(session().iterate("user-relationships", Modifier("page[size]=50&sort=-id")))
    assert [int(edge.id) for edge in edges] == sorted((int(edge.id) for edge in edges), reverse=True)
    assert len(edges) == total, (len(edges), total)
    step("all pages by cursor", f"{total} relationships")

    found = session().get("user-relationships", Filter(user="1017", relationship="subordinate"))
    assert found.meta.total_count == 1, found.meta
    linked = found.resource.relationships.target.as_json_resource_identifiers
    assert linked == {"type": "users", "id": "1005"}, linked
    step("filter by user and relationship", f"1017 is a subordinate of {linked['id']}")

    found = session().get("user-relationships", Filter(user="1017") + Inclusion("target"))
    assert {user.id for user in found.included} == {edge.target.id for edge in found.resources}
    lead = next(edge.target for edge in found.resources if edge.relationship == "subordinate")
    assert lead.name == "Mateusz Kowalczyk", lead.name
    step("include the target", f"{lead.id} is {lead.name}")

    # The user is not included here: the library fetches it on access.
    edge = session().get("user-relationships", Filter(user="1017", relationship="subordinate")).resource
    assert edge.target.name == "Mateusz Kowalczyk", edge.target.name
    step("fetch the target", edge.target.name)

    found = session().get("users", Filter(query="kim"))
    names = [user.name for user in found.resources]
    assert "Eun-ji Kim" in names, names
    assert found.meta.total_count == len(names), found.meta
    step("search users", ", ".join(names))


def change() -> None:
    with session() as opened:
        edge = opened.create_and_commit("user-relationships", relationship="mentor", target="1000")
        assert int(edge.id) > 0, edge.id
        assert edge.relationships.user.as_json_resource_identifiers == {"type": "users", "id": "1017"}
        step("create", edge.id)

        error = refused(
            lambda: session().create_and_commit("user-relationships", relationship="mentor", target="1000")
        )
        problem = error.response.json()["errors"][0]
        assert error.errors["status_code"] == 409, error
        assert problem["code"] == "already-exists", problem
        assert problem["meta"]["existing-id"] == edge.id, problem
        # The library shows the title of the first error.
        assert problem["title"] in str(error), error
        step("create the same again", str(error))

        edge.relationship = "colleague"
        edge.commit()
        assert edge.relationship == "colleague" and not edge.is_dirty
        edge.refresh()
        assert edge.relationship == "colleague", edge.relationship
        step("change its type", edge.relationship)

        edge.delete()
        edge.commit()
        error = refused(lambda: session().get("user-relationships", edge.id))
        assert error.errors["status_code"] == 404, error
        step("delete it", f"then {error}")


read()
change()
