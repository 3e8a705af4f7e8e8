//! Converts the members of a line to a record.

use std::collections::HashMap;

use super::cell::{Cell, Members};
use super::columns::Columns;
use super::group_records::{group_of, member_of};
use super::problem::{LineProblem, RejectedLine, UNKNOWN, add_complaint, add_problems};
use super::record_kind::PROPERTIES;
pub use super::record_kind::RecordKind;
use super::type_record::type_of;
use super::values::{Parsed, id, properties, time, user_reference, value_of};
use crate::domain::transfer::{Record, RelationshipLine, UserLine};
use crate::domain::validation;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::{EdgeAttribute, EdgeData};
use crate::model::relationship_type::TypeName;
use crate::model::user::{COMPUTED_ATTRIBUTES, Field, FieldKind, Value};

/// The most members of a line.
const MAX_MEMBERS: usize = 100;
/// Converts members to records.
#[derive(Debug)]
pub struct RecordReader {
    fields: HashMap<&'static str, Field>,
    /// Names of types, so that equal ones share their text.
    types: Vec<TypeName>,
}

impl Default for RecordReader {
    fn default() -> Self {
        Self { fields: Field::ALL.into_iter().map(|field| (field.member(), field)).collect(), types: Vec::new() }
    }
}

impl RecordReader {
    /// Parses a line. `kind` is the kind of all lines of the file, if fixed.
    ///
    /// # Errors
    /// All problems of the line by itself.
    pub fn read(&mut self, members: Members<'_>, kind: Option<RecordKind>) -> Result<Record, RejectedLine> {
        if members.0.len() > MAX_MEMBERS {
            return Err(RejectedLine::unreadable(kind, format!("the object has more than {MAX_MEMBERS} members")));
        }
        let kind = kind_of(&members, kind).map_err(|reason| RejectedLine::unreadable(None, reason))?;
        let mut complaints = Vec::new();
        for (place, (name, _)) in members.0.iter().enumerate() {
            if members.0.iter().skip(place + 1).any(|(other, _)| other == name) {
                complaints.push(LineProblem::of_member(name, "is a duplicate"));
            }
        }
        for name in kind.required() {
            let has_value = |(other, cell): &(_, Cell<'_>)| other == name && *cell != Cell::Null;
            if !members.0.iter().any(has_value) {
                complaints.push(LineProblem::of_member(name, "is missing"));
            }
        }
        let record = match kind {
            RecordKind::Type => type_of(members, &mut complaints).map(|line| Record::Type(Box::new(line))),
            RecordKind::User => Some(Record::User(Box::new(self.user_of(members, &mut complaints)))),
            RecordKind::Relationship => self.relationship_of(members, &mut complaints).map(Record::Relationship),
            RecordKind::Group => group_of(members, &mut complaints).map(|line| Record::Group(Box::new(line))),
            RecordKind::Member => member_of(members, &mut complaints).map(|line| Record::Member(Box::new(line))),
        };
        match record {
            Some(record) if complaints.is_empty() => Ok(record),
            _ => Err(RejectedLine { kind: Some(kind), problems: complaints }),
        }
    }

    /// Parses a row of a table.
    ///
    /// # Errors
    /// All problems of the row by itself, each with its heading and its value.
    pub fn read_row(&mut self, columns: &Columns, cells: &[&str]) -> Result<Record, RejectedLine> {
        let kind = Some(columns.kind);
        let (members, unreadable) =
            columns.members(cells).map_err(|problem| RejectedLine { kind, problems: vec![problem] })?;
        let record = self.read(members, kind);
        if record.is_ok() && unreadable.is_empty() {
            return record;
        }
        let mut problems = record.err().map(|rejected| rejected.problems).unwrap_or_default();
        // A member of a cell that cannot be read seems to be missing.
        problems.retain(|problem| problem.member.is_none() || !unreadable.iter().any(|it| it.member == problem.member));
        problems.extend(unreadable);
        for problem in &mut problems {
            columns.locate(problem, cells);
        }
        Err(RejectedLine { kind, problems })
    }

    fn user_of(&self, members: Members<'_>, complaints: &mut Vec<LineProblem>) -> UserLine {
        let mut line = blank_user();
        for (name, cell) in members.0 {
            let parsed = match &*name {
                "type" => Ok(()),
                "created-at" => time(&cell).map(|time| line.created_at = time),
                "updated-at" => time(&cell).map(|time| line.updated_at = time),
                "id" => id(&cell).map(|id| line.id = id.map(UserId::new)),
                PROPERTIES => properties(cell).map(|properties| line.properties = properties),
                name => match self.fields.get(name) {
                    Some(field) => value_of(field.kind(), cell)
                        .map(|value| line.fields.push((*field, field.kind().normalize(value)))),
                    None if COMPUTED_ATTRIBUTES.contains(&name) => Ok(()),
                    None => Err(UNKNOWN.to_owned()),
                },
            };
            add_complaint(complaints, &name, parsed);
        }
        add_problems(complaints, RecordKind::User, &validation::problems_of(&line.fields));
        if let Some((_, Value::Text(email))) = line.fields.iter().find(|(field, _)| *field == Field::Email) {
            line.email.clone_from(email);
        }
        line
    }

    fn relationship_of(&mut self, members: Members<'_>, complaints: &mut Vec<LineProblem>) -> Option<RelationshipLine> {
        let (mut user, mut target, mut relationship) = (None, None, None);
        let (mut own_id, mut created_at, mut updated_at) = (None, None, None);
        let mut changes = Vec::new();
        for (name, cell) in members.0 {
            let parsed = match &*name {
                "type" => Ok(()),
                "user" => user_reference(cell).map(|name| user = name),
                "target" => user_reference(cell).map(|name| target = name),
                "created-at" => time(&cell).map(|time| created_at = time),
                "updated-at" => time(&cell).map(|time| updated_at = time),
                "id" => id(&cell).map(|id| own_id = id.map(RelationshipId::new)),
                name => match EdgeAttribute::of_member(name).map(|attribute| (attribute, attribute.kind())) {
                    Some((_, FieldKind::TypeName)) => self.type_of(&cell).map(|name| relationship = name),
                    Some((attribute, kind)) => value_of(kind, cell).map(|value| changes.push((attribute, value))),
                    None => Err(UNKNOWN.to_owned()),
                },
            };
            add_complaint(complaints, &name, parsed);
        }
        add_problems(complaints, RecordKind::Relationship, &validation::problems_of(&changes));
        let mut data = EdgeData::new(relationship?);
        for (attribute, value) in changes {
            data.set(attribute, value);
        }
        Some(RelationshipLine { id: own_id, user: user?, target: target?, data, created_at, updated_at })
    }

    fn type_of(&mut self, cell: &Cell<'_>) -> Parsed<Option<TypeName>> {
        let text = match cell {
            Cell::Null => return Ok(None),
            Cell::Text(text) => text,
            _ => return Err("must be the name of a relationship type".to_owned()),
        };
        if let Some(known) = self.types.iter().find(|known| known.as_str() == text) {
            return Ok(Some(known.clone()));
        }
        let name = TypeName::parse(text).ok_or_else(|| format!("a type name must have {}", TypeName::RULE))?;
        if self.types.len() < MAX_CACHED_TYPES {
            self.types.push(name.clone());
        }
        Ok(Some(name))
    }
}

/// The most cached names, because a file can have many.
const MAX_CACHED_TYPES: usize = 100;

fn blank_user() -> UserLine {
    UserLine {
        id: None,
        email: String::new(),
        fields: Vec::new(),
        properties: None,
        created_at: None,
        updated_at: None,
    }
}

fn kind_of(members: &Members<'_>, expected: Option<RecordKind>) -> Parsed<RecordKind> {
    let sent = members.0.iter().find(|(name, _)| name == "type").map(|(_, cell)| cell);
    match (sent, expected) {
        (None | Some(Cell::Null), Some(kind)) => Ok(kind),
        (None, None) => Err("`type` is missing".to_owned()),
        (Some(Cell::Text(text)), expected) => {
            let found = RecordKind::ALL.into_iter().find(|kind| kind.name() == text);
            found.filter(|kind| expected.is_none_or(|it| it == *kind)).ok_or_else(|| complaint_about_type(expected))
        }
        (Some(_), expected) => Err(complaint_about_type(expected)),
    }
}

fn complaint_about_type(expected: Option<RecordKind>) -> String {
    if let Some(kind) = expected {
        return format!("`type` must be `{}`", kind.name());
    }
    let names: Vec<_> = RecordKind::ALL.iter().map(|kind| format!("`{}`", kind.name())).collect();
    format!("`type` must be one of {}", names.join(", "))
}
