//! Converts the members of a line to a relationship type.

use super::cell::{Cell, Members};
use super::problem::{LineProblem, UNKNOWN, add_complaint, add_problems};
use super::record_kind::RecordKind;
use super::values::{Parsed, time, value_of};
use crate::domain::transfer::TypeLine;
use crate::domain::validation;
use crate::model::attributes::Attribute;
use crate::model::relationship_type::{TypeAttribute, TypeName};

/// The type of a line; `None` if it has no name.
pub(super) fn type_of(members: Members<'_>, complaints: &mut Vec<LineProblem>) -> Option<TypeLine> {
    let (mut type_name, mut fields) = (None, Vec::new());
    let (mut created_at, mut updated_at) = (None, None);
    for (name, cell) in members.0 {
        let parsed = match &*name {
            "type" => Ok(()),
            "id" => name_of(&cell).map(|name| type_name = name),
            "created-at" => time(&cell).map(|time| created_at = time),
            "updated-at" => time(&cell).map(|time| updated_at = time),
            name => match TypeAttribute::of_member(name) {
                Some(attribute) => value_of(attribute.kind(), cell).map(|value| fields.push((attribute, value))),
                None if RecordKind::Type.computed().contains(&name) => Ok(()),
                None => Err(UNKNOWN.to_owned()),
            },
        };
        add_complaint(complaints, &name, parsed);
    }
    add_problems(complaints, RecordKind::Type, &validation::problems_of(&fields));
    Some(TypeLine { name: type_name?, fields, created_at, updated_at })
}

fn name_of(cell: &Cell<'_>) -> Parsed<Option<TypeName>> {
    let found = match cell {
        Cell::Null => return Ok(None),
        Cell::Text(text) => TypeName::parse(text),
        _ => None,
    };
    found.map(Some).ok_or_else(|| format!("a type name must have {}", TypeName::RULE))
}
