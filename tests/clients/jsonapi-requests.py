# [quirks]
# * `TIMEOUT` is 1 second unless set. `RETRIES` repeats also a create whose response was lost, which is then 409: leave it at 1,
#   or send an `Idempotency-Key` (`headers=…` replaces all headers, also `Content-Type`).
# * It adds a slash to every URL, which is accepted.
# * A failed request raises an `ApiClientError`; the document is in `content`.
# [/quirks]

import json
from typing import Any

from steps import API, TOKEN, check_client

# [setup]
import jsonapi_requests
import requests
from jsonapi_requests.data import Dictionary, JsonApiObject, Relationship, ResourceIdentifier
from jsonapi_requests.request_factory import ApiClientError


class Token(requests.auth.AuthBase):
    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {TOKEN}"
        return request


api = jsonapi_requests.Api.config({"API_ROOT": API, "AUTH": Token(), "TIMEOUT": 10, "RETRIES": 1})
edges = api.endpoint("user-relationships")
# [/setup]


# [example]
def edge(relationship: str) -> JsonApiObject:
    target = Relationship(data=ResourceIdentifier(type="users", id="1000"))
    return JsonApiObject(
        type="user-relationships",
        attributes=Dictionary(relationship=relationship),
        relationships=Dictionary(target=target),
    )


# [/example]


class JsonApiRequests:
    def find(self) -> tuple[int, list[str]]:
        # [example: List]
        leads = edges.get(params={"filter[user]": "me", "filter[relationship]": "subordinate", "include": "target"})
        # [/example]
        return leads.content.meta["total-count"], [edge.relationships["target"].data.id for edge in leads.data]

    def page_through(self) -> list[str]:
        # [example: Page through]
        all_edges, total = [], 1
        while len(all_edges) < total:
            page = edges.get(params={"page[offset]": len(all_edges), "page[limit]": 50})
            all_edges += page.data
            total = page.content.meta["total-count"]
        # [/example]
        return [edge.id for edge in all_edges]

    def create(self) -> str:
        # [example: Create]
        mentor = edges.post(object=edge("mentor")).data
        # [/example]
        return mentor.id

    def duplicate(self) -> dict[str, Any]:
        # [example: 409, because it exists]
        try:
            edges.post(object=edge("mentor"))
        except ApiClientError as error:
            refusal = json.loads(error.content)["errors"][0]
            existing = refusal["meta"]["existing-id"]
        # [/example]
        assert existing
        return refusal

    def change(self, id: str) -> str:
        # [example: Change]
        change = JsonApiObject(type="user-relationships", id=id, attributes=Dictionary(relationship="colleague"))
        changed = api.endpoint(f"user-relationships/{id}").patch(object=change).data
        # [/example]
        return changed.attributes["relationship"]

    def remove(self, id: str) -> None:
        # [example: Delete]
        api.endpoint(f"user-relationships/{id}").delete()
        # [/example]

    def field_error(self) -> dict[str, Any]:
        # [example: Show an error at its field]
        try:
            edges.post(object=edge("friend"))
        except ApiClientError as error:
            problem = json.loads(error.content)["errors"][0]
            field = problem["source"]["pointer"]  # "/data/attributes/relationship"
        # [/example]
        assert field
        return problem


check_client("jsonapi-requests", JsonApiRequests())
