//! Records as lines of a file.

use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::csv::CsvStyle;
use super::row_value::RowValue;
use crate::files::record::RecordKind;
use crate::files::record_kind::PROPERTIES;
use crate::http::jsonapi::export_resource::{ExportedResources, ResourceJson};
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::group::{Group, Member};
use crate::model::id::UserId;
use crate::model::relationship::Relationship;
use crate::model::relationship_type::RelationshipType;
use crate::model::time::Timestamp;
use crate::model::user::User;

/// A line of NDJSON, a record of CSV, a resource of a document.
#[derive(Debug, Clone, Copy)]
pub enum ExportRow<'a> {
    /// A relationship type.
    Type(&'a RelationshipType),
    /// A user with all attributes.
    User(&'a User),
    /// A relationship.
    Relationship(&'a Relationship),
    /// A group.
    Group(&'a Group),
    /// A membership.
    Member(&'a Member),
}

/// Takes a member.
type RowSink<'s, E> = dyn FnMut(&'static str, RowValue<'_>) -> Result<(), E> + 's;

impl ExportRow<'_> {
    /// The kind of the record.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Type(_) => RecordKind::Type,
            Self::User(_) => RecordKind::User,
            Self::Relationship(_) => RecordKind::Relationship,
            Self::Group(_) => RecordKind::Group,
            Self::Member(_) => RecordKind::Member,
        }
    }

    /// Writes a line of NDJSON.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }

    /// Writes a record of CSV.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write_csv(&self, style: CsvStyle, out: &mut dyn Write) -> io::Result<()> {
        let (mut place, has_nulls) = (0, self.kind() == RecordKind::Type);
        self.visit(&mut |_, value| {
            place += 1;
            style.write_cell(out, place == 1, &value.to_cell(has_nulls))
        })?;
        style.end_row(out)
    }

    /// The resource object of a document.
    ///
    /// # Errors
    /// If a value cannot be serialized, which would be a bug.
    pub fn resource(&self, resources: &ExportedResources) -> ResourceJson {
        match self {
            Self::Type(kind) => resources.relationship_type(kind),
            Self::User(user) => resources.user(user),
            Self::Relationship(edge) => resources.relationship(edge),
            Self::Group(group) => resources.group(group),
            Self::Member(member) => resources.member(member),
        }
    }

    /// Passes all members, in the order of [`RecordKind::written_members`].
    fn visit<E>(&self, sink: &mut RowSink<'_, E>) -> Result<(), E> {
        match self {
            Self::Type(kind) => {
                sink("id", RowValue::Name(kind.name.as_str()))?;
                visit_attributes(&kind.data, sink)?;
                visit_times([kind.created_at, kind.updated_at], sink)
            }
            Self::User(user) => {
                sink("id", RowValue::id(user.id.get()))?;
                visit_attributes(&user.data, sink)?;
                visit_times([user.created_at, user.updated_at], sink)?;
                sink(PROPERTIES, RowValue::Properties(&user.data.profile.properties))
            }
            Self::Relationship(edge) => {
                sink("id", RowValue::id(edge.id.get()))?;
                sink("user", RowValue::id(edge.user.get()))?;
                sink("target", RowValue::id(edge.target.get()))?;
                visit_attributes(&edge.data, sink)?;
                visit_times([edge.created_at, edge.updated_at], sink)
            }
            Self::Group(group) => {
                sink("id", RowValue::id(group.id.get()))?;
                sink("group-type", RowValue::Name(&group.kind))?;
                sink("owner", RowValue::Id(group.owner.map(UserId::get)))?;
                sink(PROPERTIES, RowValue::Properties(&group.properties.parse()))?;
                visit_times([group.created_at, group.updated_at], sink)
            }
            Self::Member(member) => {
                sink("id", RowValue::id(member.id.get()))?;
                sink("member-type", RowValue::Name(&member.kind))?;
                sink("group", RowValue::id(member.group.get()))?;
                sink("user", RowValue::id(member.user.get()))?;
                sink(PROPERTIES, RowValue::Properties(&member.properties.parse()))?;
                visit_times([member.created_at, member.updated_at], sink)
            }
        }
    }
}

fn visit_attributes<R: HasAttributes, E>(record: &R, sink: &mut RowSink<'_, E>) -> Result<(), E> {
    let mut attributes = R::Attribute::all().iter();
    attributes.try_for_each(|attribute| sink(attribute.member(), RowValue::Attribute(record.get(*attribute))))
}

/// In UTC, independent of `TIME_ZONE`, because a file may be read elsewhere.
fn visit_times<E>([created_at, updated_at]: [Timestamp; 2], sink: &mut RowSink<'_, E>) -> Result<(), E> {
    sink("created-at", RowValue::Time(created_at.rfc2822(chrono_tz::UTC)))?;
    sink("updated-at", RowValue::Time(updated_at.rfc2822(chrono_tz::UTC)))
}

impl Serialize for ExportRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind().name())?;
        self.visit(&mut |name, value| {
            if value.is_omitted() { Ok(()) } else { map.serialize_entry(name, &value) }
        })?;
        map.end()
    }
}
