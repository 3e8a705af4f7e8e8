//! Resource objects of changes.

use serde::{Serialize, Serializer};

use super::fields::ChangeField as Field;
use super::identifier::UnlinkedLinkage;
use super::render_options::RenderOptions;
use super::resources::Resource;
use super::text::{IsoTime, Text};
use crate::domain::changes::VisibleChange;
use crate::model::change::{ChangeAction, ChangeReason, ChangeSubjectType, EdgeChange};
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;

/// The type of changes.
pub const CHANGES: &str = "changes";

/// A resource object. A change has no URL of its own, and so no links.
#[derive(Serialize)]
struct ChangeObject<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Text<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<ChangeAttributes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relationships: Option<ChangeRelationships>,
}

/// The selected attributes. The outer `Option` is `None` for an attribute that is not selected; the inner one is `null`
/// where the change has no such value.
#[expect(clippy::option_option, reason = "a member can be left out, or be `null`")]
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ChangeAttributes<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_id: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relationship: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_relationship: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Option<&'a [String]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<IsoTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<Text<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Option<&'static str>>,
}

#[derive(Serialize)]
struct ChangeRelationships {
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<UnlinkedLinkage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UnlinkedLinkage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<UnlinkedLinkage>,
}

impl Resource<'_, VisibleChange> {
    fn attributes(&self) -> Option<ChangeAttributes<'_>> {
        let (fields, numbered) = (self.options.changes, &self.row.change);
        let change = &numbered.change;
        let edge = change.subject.edge();
        let names = (change.action != ChangeAction::Loaded && edge.is_none()).then_some(change.changed.as_slice());
        let previous = || edge.and_then(|edge| edge.previous_relationship.as_ref()).map(TypeName::as_str);
        fields.has_attributes().then(|| ChangeAttributes {
            action: fields.has(Field::Action).then(|| change.action.name()),
            subject_type: fields.has(Field::SubjectType).then(|| change.subject.subject_type().name()),
            subject_id: fields.has(Field::SubjectId).then(|| change.subject.id()),
            relationship: fields.has(Field::Relationship).then(|| edge.map(|edge| edge.relationship.as_str())),
            previous_relationship: fields.has(Field::PreviousRelationship).then(previous),
            changed: fields.has(Field::Changed).then_some(names),
            at: fields.has(Field::At).then_some(IsoTime(change.at)),
            transaction: fields.has(Field::Transaction).then_some(Text(numbered.transaction)),
            request_id: fields.has(Field::RequestId).then_some(change.request_id.as_deref()),
            reason: fields.has(Field::Reason).then(|| change.reason.map(ChangeReason::name)),
        })
    }

    fn relationships(&self) -> Option<ChangeRelationships> {
        let (fields, VisibleChange { change, is_actor_visible }) = (self.options.changes, self.row);
        let edge = change.change.subject.edge();
        let end = |field, of: fn(&EdgeChange) -> UserId| {
            edge.filter(|_| fields.has(field)).map(|edge| UnlinkedLinkage::of(Some(of(edge))))
        };
        let all = ChangeRelationships {
            actor: (*is_actor_visible && fields.has(Field::Actor)).then(|| UnlinkedLinkage::of(change.change.actor)),
            user: end(Field::User, |edge| edge.user),
            target: end(Field::Target, |edge| edge.target),
        };
        (all.actor.is_some() || all.user.is_some() || all.target.is_some()).then_some(all)
    }
}

impl Serialize for Resource<'_, VisibleChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = Text(self.row.change.number);
        let (attributes, relationships) = (self.attributes(), self.relationships());
        ChangeObject { kind: CHANGES, id, attributes, relationships }.serialize(serializer)
    }
}

/// The resource object of a change as a line of text; `None` if it cannot be serialized, which would be a bug.
#[must_use]
pub fn json_line(change: &VisibleChange) -> Option<String> {
    let options = RenderOptions::whole(chrono_tz::UTC);
    serde_json::to_string(&Resource::new(change, &options)).ok()
}

/// The names of the types of what changes.
#[must_use]
pub fn subject_types() -> Vec<&'static str> {
    ChangeSubjectType::ALL.iter().map(|it| it.name()).collect()
}

/// The names of what happens.
#[must_use]
pub fn actions() -> Vec<&'static str> {
    ChangeAction::ALL.iter().map(|it| it.name()).collect()
}

/// The names of reasons.
#[must_use]
pub fn reasons() -> Vec<&'static str> {
    ChangeReason::ALL.iter().map(|it| it.name()).collect()
}
