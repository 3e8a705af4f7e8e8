# [quirks]
# * It writes models only (pydantic); the requests are yours.
# * Send `model_dump(by_alias=True, exclude_unset=True)`: an attribute that is `None` would be cleared.
# * An id, a type name and a time are models of one value: `.root`.
# [/quirks]

import inspect
import re
from typing import Any

from generated import models
from steps import API, TOKEN, check_client

# [setup]
import requests
from generated.models import (
    ChangedUserRelationship,
    ChangedUserRelationshipAttributes,
    ChangedUserRelationshipData,
    ErrorDocument,
    NewUserRelationship,
    NewUserRelationshipAttributes,
    NewUserRelationshipData,
    NewUserRelationshipRelations,
    NewUserRelationshipTarget,
    UserIdentifier,
    UserRelationshipDocument,
    UserRelationshipList,
)
from pydantic import BaseModel

session = requests.Session()
session.headers["Authorization"] = f"Bearer {TOKEN}"


def send(method: str, path: str, body: BaseModel | None = None, **params: str | int) -> requests.Response:
    json = body and body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    headers = {"Content-Type": "application/vnd.api+json"}
    return session.request(method, f"{API}/{path}", json=json, params=params, headers=headers, timeout=10)


# [/setup]


# [example]
def create(relationship: str) -> requests.Response:
    target = NewUserRelationshipTarget(data=UserIdentifier(type="users", id="1000"))
    data = NewUserRelationshipData(
        type="user-relationships",
        attributes=NewUserRelationshipAttributes(relationship=relationship),
        relationships=NewUserRelationshipRelations(target=target),
    )
    return send("POST", "user-relationships", NewUserRelationship(data=data))


# [/example]


class Models:
    def find(self) -> tuple[int, list[str]]:
        # [example: List]
        response = send("GET", "user-relationships", user="me", relationship="subordinate")
        leads = UserRelationshipList.model_validate(response.json())
        # [/example]
        return leads.meta.total_count, [edge.relationships.target.data.id.root for edge in leads.data]

    def page_through(self) -> list[str]:
        # [example: Page through]
        all_edges, total = [], 1
        while len(all_edges) < total:
            response = send("GET", "user-relationships", offset=len(all_edges), limit=50)
            page = UserRelationshipList.model_validate(response.json())
            all_edges += page.data
            total = page.meta.total_count
        # [/example]
        return [edge.id.root for edge in all_edges]

    def create(self) -> str:
        # [example: Create]
        created = UserRelationshipDocument.model_validate(create("mentor").json()).data
        # [/example]
        return created.id.root

    def duplicate(self) -> dict[str, Any]:
        # [example: 409, because it exists]
        refusal = ErrorDocument.model_validate(create("mentor").json()).errors[0]
        existing = refusal.meta.existing_id
        # [/example]
        assert existing
        return refusal.model_dump(mode="json", by_alias=True, exclude_none=True)

    def change(self, id: str) -> str:
        # [example: Change]
        attributes = ChangedUserRelationshipAttributes(relationship="colleague")
        data = ChangedUserRelationshipData(type="user-relationships", id=id, attributes=attributes)
        response = send("PATCH", f"user-relationships/{id}", ChangedUserRelationship(data=data))
        # [/example]
        return UserRelationshipDocument.model_validate(response.json()).data.attributes.relationship.root

    def remove(self, id: str) -> None:
        # [example: Delete]
        send("DELETE", f"user-relationships/{id}").raise_for_status()
        # [/example]

    def field_error(self) -> dict[str, Any]:
        # [example: Show an error at its field]
        errors = ErrorDocument.model_validate(create("friend").json()).errors
        field = errors[0].source.pointer  # "/data/attributes/relationship"
        # [/example]
        assert field == "/data/attributes/relationship"
        return errors[0].model_dump(mode="json", by_alias=True, exclude_none=True)


numbered = re.findall(r"^class (\w*\d)\b", inspect.getsource(models), re.MULTILINE)
assert not numbered, f"classes without a name: {numbered}"
check_client("datamodel-code-generator", Models())
