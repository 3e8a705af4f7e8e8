# [quirks]
# * Parameters lose their brackets: `filter[user]` is `filteruser`, `page[limit]` is `pagelimit`.
# * It repeats a list: filters accept that, but `include` and `fields[…]` take one value per request.
# * An error is not raised but returned, as an `ErrorDocument`; `sync_detailed` also returns the status.
# [/quirks]

from typing import Any

from steps import API, TOKEN, check_client

# [setup]
from generated.python_client import AuthenticatedClient
from generated.python_client.api.user_relationships import (
    create_user_relationship,
    delete_user_relationship,
    list_user_relationships,
    update_user_relationship,
)
from generated.python_client.models import (
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
    UserRelationshipInclude,
    UserRelationshipList,
)

client = AuthenticatedClient(base_url=API.removesuffix("/api/v2"), token=TOKEN)
# [/setup]


# [example]
def edge(relationship: str) -> NewUserRelationship:
    target = NewUserRelationshipTarget(data=UserIdentifier(type_="users", id="1000"))
    return NewUserRelationship(
        data=NewUserRelationshipData(
            type_="user-relationships",
            attributes=NewUserRelationshipAttributes(relationship=relationship),
            relationships=NewUserRelationshipRelations(target=target),
        )
    )


# [/example]


class OpenApiPythonClient:
    def find(self) -> tuple[int, list[str]]:
        # [example: List]
        leads = list_user_relationships.sync(
            client=client,
            filteruser=["me"],
            filterrelationship=["subordinate"],
            include=[UserRelationshipInclude.TARGET],
        )
        # [/example]
        assert isinstance(leads, UserRelationshipList), leads
        return leads.meta.total_count, [edge.relationships.target.data.id for edge in leads.data]

    def page_through(self) -> list[str]:
        # [example: Page through]
        all_edges, total = [], 1
        while len(all_edges) < total:
            page = list_user_relationships.sync(client=client, pageoffset=len(all_edges), pagelimit=50)
            all_edges += page.data
            total = page.meta.total_count
        # [/example]
        return [edge.id for edge in all_edges]

    def create(self) -> str:
        # [example: Create]
        created = create_user_relationship.sync(client=client, body=edge("mentor"))
        # [/example]
        assert isinstance(created, UserRelationshipDocument), created
        return created.data.id

    def duplicate(self) -> dict[str, Any]:
        # [example: 409, because it exists]
        result = create_user_relationship.sync(client=client, body=edge("mentor"))
        if isinstance(result, ErrorDocument):
            existing = result.errors[0].meta.existing_id
        # [/example]
        assert existing
        return result.errors[0].to_dict()

    def change(self, id: str) -> str:
        # [example: Change]
        attributes = ChangedUserRelationshipAttributes(relationship="colleague")
        data = ChangedUserRelationshipData(type_="user-relationships", id=id, attributes=attributes)
        changed = update_user_relationship.sync(id, client=client, body=ChangedUserRelationship(data=data))
        # [/example]
        assert isinstance(changed, UserRelationshipDocument), changed
        return changed.data.attributes.relationship

    def remove(self, id: str) -> None:
        # [example: Delete]
        delete_user_relationship.sync_detailed(id, client=client)
        # [/example]

    def field_error(self) -> dict[str, Any]:
        # [example: Show an error at its field]
        result = create_user_relationship.sync(client=client, body=edge("friend"))
        if isinstance(result, ErrorDocument):
            field = result.errors[0].source.pointer  # "/data/attributes/relationship"
        # [/example]
        assert field == "/data/attributes/relationship"
        return result.errors[0].to_dict()


check_client("openapi-python-client", OpenApiPythonClient())
