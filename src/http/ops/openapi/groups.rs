//! Groups and memberships in words.

use serde_json::{Value, json};

use super::build::{ID, document, list, list_document, object, reference, resource, schema};
use super::operation::{Answer, Operation, operation};
use crate::domain::group_lists::Path;
use crate::http::jsonapi::group_resources::{GROUP_MEMBERS, GROUPS};
use crate::http::jsonapi::view::{GROUP_FIELDS, GROUP_LINKS, GROUP_PATHS, MEMBER_FIELDS, MEMBER_LINKS, MEMBER_PATHS};
use crate::http::v2::group_members;
use crate::http::v2::groups;
use crate::http::v2::relationships;
use crate::model::code::Code;
use crate::model::filter::MAX_FILTER_VALUES;

/// The group of operations.
pub const TAG: &str = "groups";
/// What it is about.
pub const ABOUT: &str = "Groups of users and their members, to be read; they are changed by forms.";
/// An id of a group or a membership, for examples.
pub const EXAMPLE: &str = "1";

const LINKED: &str = "A group belongs to whoever created it. Always refused.";
const FIXED: &str = "Group and user of a membership are fixed. Always refused.";
const READ_ONLY: &str = "Groups and memberships are changed by forms. Always refused.";
const COUNTED: &str = "`meta.total-count` is the exact number of rows that the filters match, whatever the page. Callers \
with the access level `ext` see the groups that they own or are members of.";
const MEMBERS_COUNTED: &str = "`meta.total-count` is the exact number of rows that the filters match, whatever the page. \
Callers with the access level `ext` see their own memberships, and those in groups that they own.";
const WHOLE: &str = "`include=members` shows the memberships whole, up to 1,000 in a document.";

const fn get(path: &'static str, id: &'static str, summary: &'static str, answer: Answer) -> Operation {
    operation("GET", path, id, TAG, summary, answer)
}

const fn refused(path: &'static str, id: &'static str, summary: &'static str, about: &'static str) -> Operation {
    operation("PATCH", path, id, TAG, summary, Answer::Refused).about(about)
}

const LINKAGE: &[Code] = &[Code::ImmutableRelationship];
const UPDATE: &[Code] = &[Code::UnsupportedUpdate];

/// The operations on groups.
#[rustfmt::skip]
pub const OF_GROUPS: [Operation; 8] = [
    get("/api/v2/groups", "listGroups", "List groups", Answer::Listed("GroupList"))
        .about(COUNTED).takes(groups::LIST).tried("?filter[group-type]=special_group&include=owner").sorted(groups::ORDERS).may_be(&[Code::InvalidCursor]),
    get("/api/v2/groups/{id}", "getGroup", "Fetch a group", Answer::Fetched("GroupDocument")).about(WHOLE).takes(groups::ONE),
    refused("/api/v2/groups/{id}", "updateGroup", "Change a group (refused)", READ_ONLY).may_be(UPDATE),
    get("/api/v2/groups/{id}/relationships/owner", "getGroupOwnerLinkage", "Fetch the linkage to the owner", Answer::Plain("OwnerLinkageDocument"))
        .about("`data` is null once that user was deleted."),
    refused("/api/v2/groups/{id}/relationships/owner", "updateGroupOwnerLinkage", "Replace the owner (refused)", LINKED).may_be(LINKAGE),
    get("/api/v2/groups/{id}/owner", "getGroupOwner", "Fetch the owner of a group", Answer::Fetched("OwnerDocument"))
        .about("`data` is null once that user was deleted.").takes(relationships::END),
    refused("/api/v2/groups/{id}/owner", "updateGroupOwner", "Change the owner of a group (refused)", READ_ONLY).may_be(UPDATE),
    get("/api/v2/groups/{id}/members", "listMembersOfGroup", "List the members of a group", Answer::Listed("GroupMemberList"))
        .about(MEMBERS_COUNTED).takes(groups::MEMBERS).sorted(groups::ORDERS).may_be(&[Code::InvalidCursor]),
];

/// The operations on memberships.
#[rustfmt::skip]
pub const OF_MEMBERS: [Operation; 11] = [
    get("/api/v2/group-members", "listGroupMembers", "List memberships", Answer::Listed("GroupMemberList"))
        .about(MEMBERS_COUNTED).takes(group_members::LIST).tried("?filter[group]=1&include=user").sorted(groups::ORDERS).may_be(&[Code::InvalidCursor]),
    get("/api/v2/group-members/{id}", "getGroupMember", "Fetch a membership", Answer::Fetched("GroupMemberDocument"))
        .about("With the properties of its type; `include` brings its group and its user along.").takes(groups::ONE),
    refused("/api/v2/group-members/{id}", "updateGroupMember", "Change a membership (refused)", READ_ONLY).may_be(UPDATE),
    get("/api/v2/group-members/{id}/relationships/group", "getGroupMemberGroupLinkage", "Fetch the linkage to the group", Answer::Plain("GroupLinkageDocument"))
        .about("Its type and id, and no more."),
    refused("/api/v2/group-members/{id}/relationships/group", "updateGroupMemberGroupLinkage", "Replace the group (refused)", FIXED).may_be(LINKAGE),
    get("/api/v2/group-members/{id}/relationships/user", "getGroupMemberUserLinkage", "Fetch the linkage to the user", Answer::Plain("LinkageDocument"))
        .about("Its type and id, and no more."),
    refused("/api/v2/group-members/{id}/relationships/user", "updateGroupMemberUserLinkage", "Replace the user (refused)", FIXED).may_be(LINKAGE),
    get("/api/v2/group-members/{id}/group", "getGroupOfMember", "Fetch the group of a membership", Answer::Fetched("GroupDocument")).about(WHOLE).takes(groups::ONE),
    refused("/api/v2/group-members/{id}/group", "updateGroupOfMember", "Change the group of a membership (refused)", READ_ONLY).may_be(UPDATE),
    get("/api/v2/group-members/{id}/user", "getUserOfMember", "Fetch the user of a membership", Answer::Fetched("UserDocument"))
        .about("Who is a member of the group.").takes(relationships::END),
    refused("/api/v2/group-members/{id}/user", "updateUserOfMember", "Change the user of a membership (refused)", READ_ONLY).may_be(UPDATE),
];

/// The schema and the words of a query parameter that means something else here than elsewhere.
pub fn parameter(operation: &Operation, name: &str) -> Option<(Value, &'static str)> {
    if operation.tag != TAG {
        return None;
    }
    let is_of_groups = matches!(operation.answer, Answer::Listed("GroupList") | Answer::Fetched("GroupDocument"));
    let ids = || list(&reference("schemas", ID), MAX_FILTER_VALUES);
    match name {
        "filter[id]" if is_of_groups => Some((ids(), "Only these groups")),
        "filter[id]" => Some((ids(), "Only these memberships")),
        "filter[group-type]" => {
            Some((list(&json!({ "type": "string", "minLength": 1 }), MAX_FILTER_VALUES), "Only groups of these types"))
        }
        "filter[owner]" => Some((ids(), "Only groups of these users")),
        "filter[group]" => Some((ids(), "Only memberships in these groups")),
        "filter[user]" => Some((ids(), "Only memberships of these users")),
        "include" => Some(if is_of_groups {
            (paths(GROUP_PATHS), "What comes along, in `included`; up to 1,000 memberships")
        } else {
            (paths(MEMBER_PATHS), "What comes along, in `included`")
        }),
        _ => None,
    }
}

fn paths(known: &[(&str, Path)]) -> Value {
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    json!({ "type": "array", "items": { "enum": names } })
}

/// Schemas of resources and documents.
pub fn schemas() -> Value {
    let url = || schema("Url");
    let identifier = |kind: &str| object(&["type", "id"], json!({ "type": { "const": kind }, "id": schema(ID) }));
    let nobody_or = |other: Value| json!({ "oneOf": [other, { "type": "null" }] });
    let links = || object(&["self"], json!({ "self": url(), "related": url() }));
    let to_one = |data: Value| object(&["data", "links"], json!({ "data": data, "links": links() }));
    let linkage = |data: Value| {
        object(&["jsonapi", "data", "links"], json!({ "jsonapi": schema("JsonApi"), "data": data, "links": links() }))
    };
    let attribute = |name: &str| match name {
        "properties" => json!({ "type": "object", "description": "Names and values as the type defines them" }),
        _ => json!({ "type": "string" }),
    };
    let group_link = |name: &str| match name {
        "owner" => to_one(nobody_or(schema("UserIdentifier"))),
        _ => object(
            &["links"],
            json!({
                "data": { "type": "array", "items": schema("GroupMemberIdentifier"), "maxItems": 1_000 },
                "links": object(&["related"], json!({ "related": url() })),
            }),
        ),
    };
    let member_link = |name: &str| to_one(schema(if name == "group" { "GroupIdentifier" } else { "UserIdentifier" }));
    let (of_groups, of_members) = (["GroupMember", "User"], ["Group", "User"]);
    json!({
        "GroupIdentifier": identifier(GROUPS),
        "GroupMemberIdentifier": identifier(GROUP_MEMBERS),
        "Group": resource(GROUPS, ID, GROUP_FIELDS, GROUP_LINKS, group_link, attribute),
        "GroupMember": resource(GROUP_MEMBERS, ID, MEMBER_FIELDS, MEMBER_LINKS, member_link, attribute),
        "GroupDocument": document(schema("Group"), &of_groups),
        "GroupList": list_document("Group", &of_groups),
        "GroupMemberDocument": document(schema("GroupMember"), &of_members),
        "GroupMemberList": list_document("GroupMember", &of_members),
        "OwnerDocument": document(nobody_or(schema("User")), &["User"]),
        "OwnerLinkageDocument": linkage(nobody_or(schema("UserIdentifier"))),
        "GroupLinkageDocument": linkage(schema("GroupIdentifier")),
    })
}
