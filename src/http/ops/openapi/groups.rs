//! Operations, parameters and schemas of groups and memberships.

use serde_json::{Value, json};

use super::build::{ID, any_object, document, identifier, linkage_document, list_document, object, resource, schema};
use super::operation::{ApiOperation, Success, operation};
use crate::http::jsonapi::fields::{GroupField, MemberField};
use crate::http::jsonapi::group_resources::{GROUP_MEMBERS, GROUPS};
use crate::http::v2::parameters;
use crate::model::code::Code;

/// The tag.
pub const TAG: &str = "groups";
/// The description of the tag.
pub const ABOUT: &str = "Groups of users and their members. Read-only here; the forms dialect changes them.";
/// An example of an id.
pub const EXAMPLE: &str = "1";

const LINKED: &str = "The owner of a group is its creator and cannot change. Always fails with 403.";
const FIXED: &str = "The group and the user of a membership cannot change here. Always fails with 403.";
const READ_ONLY: &str = "Use the forms dialect to change groups and memberships. Always fails with 403.";
const COUNTED: &str = "`meta.total-count` is the exact number of matches on all pages. Callers with the access level \
`ext` see the groups that they own or are members of.";
const MEMBERS_COUNTED: &str = "`meta.total-count` is the exact number of matches on all pages. Callers with the access \
level `ext` see their own memberships and those in groups that they own.";
const WHOLE: &str = "`include=members` adds the memberships, up to 1,000 per document.";

const fn get(path: &'static str, id: &'static str, summary: &'static str, answer: Success) -> ApiOperation {
    operation("GET", path, id, TAG, summary, answer)
}

const fn always_fails(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    about: &'static str,
) -> ApiOperation {
    operation("PATCH", path, id, TAG, summary, Success::AlwaysFails).description(about)
}

const LINKAGE: &[Code] = &[Code::ImmutableRelationship];
const UPDATE: &[Code] = &[Code::UnsupportedUpdate];

/// The operations on groups.
#[rustfmt::skip]
pub const OF_GROUPS: [ApiOperation; 8] = [
    get("/api/v2/groups", "listGroups", "List groups", Success::Listed("GroupList"))
        .description(COUNTED).query(parameters::LIST_GROUPS).example("?filter[group-type]=special_group&include=owner").error_codes(&[Code::InvalidCursor]),
    get("/api/v2/groups/{id}", "getGroup", "Fetch a group", Success::Fetched("GroupDocument")).description(WHOLE).query(parameters::ONE_GROUP),
    always_fails("/api/v2/groups/{id}", "updateGroup", "Change a group (always fails)", READ_ONLY).error_codes(UPDATE),
    get("/api/v2/groups/{id}/relationships/owner", "getGroupOwnerLinkage", "Fetch the identifier of the owner", Success::Document("OwnerLinkageDocument"))
        .description("`data` is null if the owner was deleted."),
    always_fails("/api/v2/groups/{id}/relationships/owner", "updateGroupOwnerLinkage", "Replace the owner (always fails)", LINKED).error_codes(LINKAGE),
    get("/api/v2/groups/{id}/owner", "getGroupOwner", "Fetch the owner of a group", Success::Fetched("OwnerDocument"))
        .description("`data` is null if the owner was deleted.").query(parameters::ONE_USER),
    always_fails("/api/v2/groups/{id}/owner", "updateGroupOwner", "Change the owner of a group (always fails)", READ_ONLY).error_codes(UPDATE),
    get("/api/v2/groups/{id}/members", "listMembersOfGroup", "List the members of a group", Success::Listed("GroupMemberList"))
        .description(MEMBERS_COUNTED).query(parameters::LIST_MEMBERS_OF_GROUP).error_codes(&[Code::InvalidCursor]),
];

/// The operations on memberships.
#[rustfmt::skip]
pub const OF_MEMBERS: [ApiOperation; 11] = [
    get("/api/v2/group-members", "listGroupMembers", "List memberships", Success::Listed("GroupMemberList"))
        .description(MEMBERS_COUNTED).query(parameters::LIST_MEMBERS).example("?filter[group]=1&include=user").error_codes(&[Code::InvalidCursor]),
    get("/api/v2/group-members/{id}", "getGroupMember", "Fetch a membership", Success::Fetched("GroupMemberDocument"))
        .description("`include` adds the group and the user.").query(parameters::ONE_MEMBER),
    always_fails("/api/v2/group-members/{id}", "updateGroupMember", "Change a membership (always fails)", READ_ONLY).error_codes(UPDATE),
    get("/api/v2/group-members/{id}/relationships/group", "getGroupMemberGroupLinkage", "Fetch the identifier of the group", Success::Document("GroupLinkageDocument"))
        .description("Only the type and the id."),
    always_fails("/api/v2/group-members/{id}/relationships/group", "updateGroupMemberGroupLinkage", "Replace the group (always fails)", FIXED).error_codes(LINKAGE),
    get("/api/v2/group-members/{id}/relationships/user", "getGroupMemberUserLinkage", "Fetch the identifier of the user", Success::Document("LinkageDocument"))
        .description("Only the type and the id."),
    always_fails("/api/v2/group-members/{id}/relationships/user", "updateGroupMemberUserLinkage", "Replace the user (always fails)", FIXED).error_codes(LINKAGE),
    get("/api/v2/group-members/{id}/group", "getGroupOfMember", "Fetch the group of a membership", Success::Fetched("GroupDocument")).description(WHOLE).query(parameters::ONE_GROUP),
    always_fails("/api/v2/group-members/{id}/group", "updateGroupOfMember", "Change the group of a membership (always fails)", READ_ONLY).error_codes(UPDATE),
    get("/api/v2/group-members/{id}/user", "getUserOfMember", "Fetch the user of a membership", Success::Fetched("UserDocument"))
        .description("The member of the group.").query(parameters::ONE_USER),
    always_fails("/api/v2/group-members/{id}/user", "updateUserOfMember", "Change the user of a membership (always fails)", READ_ONLY).error_codes(UPDATE),
];

/// Schemas of resources and documents.
pub fn schemas() -> Value {
    let nullable = |other: Value| json!({ "oneOf": [other, { "type": "null" }] });
    let links = || schema("ToOneLinks");
    let to_one = |data: Value| object(&["data", "links"], json!({ "data": data, "links": links() }));
    let attribute = |name: &str| match name {
        "properties" => any_object("Names and values as the group or member type defines them"),
        _ => json!({ "type": "string" }),
    };
    let group_link = |name: &str| match name {
        "owner" => to_one(nullable(schema("UserIdentifier"))),
        _ => object(
            &["links"],
            json!({
                "data": { "type": "array", "items": schema("GroupMemberIdentifier"), "maxItems": 1_000 },
                "links": schema("RelatedLink"),
            }),
        ),
    };
    let member_link = |name: &str| to_one(schema(if name == "group" { "GroupIdentifier" } else { "UserIdentifier" }));
    let (of_groups, of_members) = (["GroupMember", "User"], ["Group", "User"]);
    json!({
        "ToOneLinks": object(&["self"], json!({ "self": schema("Url"), "related": schema("Url") })),
        "GroupIdentifier": identifier(GROUPS),
        "GroupMemberIdentifier": identifier(GROUP_MEMBERS),
        "Group": resource::<GroupField>(GROUPS, ID, group_link, attribute),
        "GroupMember": resource::<MemberField>(GROUP_MEMBERS, ID, member_link, attribute),
        "GroupDocument": document(schema("Group"), &of_groups),
        "GroupList": list_document("Group", &of_groups),
        "GroupMemberDocument": document(schema("GroupMember"), &of_members),
        "GroupMemberList": list_document("GroupMember", &of_members),
        "OwnerDocument": document(nullable(schema("User")), &["User"]),
        "OwnerLinkageDocument": linkage_document(nullable(schema("UserIdentifier")), links()),
        "GroupLinkageDocument": linkage_document(schema("GroupIdentifier"), links()),
    })
}
