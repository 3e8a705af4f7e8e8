//! Imports lines with relationship types. The name decides whether a type is new.

use std::collections::HashSet;

use super::super::relationship_types;
use super::super::stored_rules;
use super::super::type_data::change_data;
use super::lines::{TypeLine, complaint_about_times};
use super::memory::PendingRecords;
use super::outcome::ImportOutcome;
use crate::model::attributes::HasAttributes;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::field::Value;
use crate::model::precondition::Precondition;
use crate::model::relationship_type::{RelationshipType, TypeAttribute, TypeData, TypeName};
use crate::store::Tx;

const ROLES: [TypeAttribute; 2] = [TypeAttribute::UserRole, TypeAttribute::TargetRole];

/// What a line does.
enum Effect {
    Added,
    Changed,
    Unchanged,
}

pub(super) fn import(
    tx: &mut Tx<'_>,
    lines: &[(u64, &TypeLine)],
    is_load: bool,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    for (holder, roles) in roles_to_release(tx, lines)? {
        let changes: Vec<_> = roles.into_iter().map(|role| (role, Value::Null)).collect();
        relationship_types::change(tx, &Caller::OPERATOR, Some(&holder.name), &Precondition::None, &changes, None)?;
    }
    for (number, line) in lines {
        let effect = write(tx, line, is_load);
        note(*number, effect, outcome)?;
    }
    Ok(())
}

pub(super) fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[(u64, &TypeLine)],
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    let released = roles_to_release(tx, lines)?;
    let released: HashSet<TypeName> = released
        .iter()
        .flat_map(|(holder, roles)| roles.iter().filter_map(|role| role_of(&holder.data, *role)))
        .collect();
    for (number, line) in lines {
        let effect = compute(tx, line, &released, pending);
        note(*number, effect, outcome)?;
    }
    Ok(())
}

/// Counts a line. A refused one is rejected.
fn note(number: u64, effect: Result<Effect>, outcome: &mut ImportOutcome) -> Result<()> {
    match effect {
        Ok(Effect::Added) => outcome.types.added += 1,
        Ok(Effect::Changed) => outcome.types.changed += 1,
        Ok(Effect::Unchanged) => outcome.types.unchanged += 1,
        Err(Error::Refused(problems)) => outcome.reject_type(number, describe(&problems)),
        Err(error) => return Err(error),
    }
    Ok(())
}

fn describe(problems: &[Problem]) -> String {
    let describe = |problem: &Problem| match problem.source {
        Some(ErrorSource::Attribute(name)) => format!("`{name}`: {}", problem.detail),
        _ => problem.detail.to_string(),
    };
    problems.iter().map(describe).collect::<Vec<_>>().join("; ")
}

fn write(tx: &mut Tx<'_>, line: &TypeLine, is_load: bool) -> Result<Effect> {
    require_times(tx, line)?;
    let Some(found) = tx.relationship_type(&line.name)? else {
        relationship_types::create(tx, &Caller::OPERATOR, &line.name, &line.fields)?;
        return set_times(tx, line).map(|()| Effect::Added);
    };
    // A role may have been released before.
    let is_unused = found.version <= 2 && is_unused(tx, &found)?;
    if is_load {
        require_same_rules(tx, &found, line)?;
    }
    let changed =
        relationship_types::change(tx, &Caller::OPERATOR, Some(&line.name), &Precondition::None, &line.fields, None)?;
    if is_unused {
        set_times(tx, line)?;
    }
    Ok(if changed.data == found.data { Effect::Unchanged } else { Effect::Changed })
}

fn is_unused(tx: &mut Tx<'_>, found: &RelationshipType) -> Result<bool> {
    Ok(tx.type_use(&found.name)? == Some(0))
}

fn set_times(tx: &mut Tx<'_>, line: &TypeLine) -> Result<()> {
    match (line.created_at, line.updated_at.or(line.created_at)) {
        (Some(created_at), Some(updated_at)) => tx.set_type_times(&line.name, created_at, updated_at),
        _ => Ok(()),
    }
}

fn require_times(tx: &Tx<'_>, line: &TypeLine) -> Result<()> {
    let complaint = complaint_about_times(line.times(), tx.now());
    complaint.map_or(Ok(()), |complaint| Err(Problem::new(Code::InvalidAttribute, complaint).into()))
}

/// A bulk load can check no rules over stored relationships, because it has dropped their indexes.
fn require_same_rules(tx: &mut Tx<'_>, found: &RelationshipType, line: &TypeLine) -> Result<()> {
    if change_data(tx, &found.name, Some(&found.data), &line.fields)?.rules() == found.data.rules() {
        return Ok(());
    }
    let detail = "the rules of a type must come before the first relationship of the file; move the line to the top";
    Err(Problem::new(Code::InvalidAttribute, detail).into())
}

/// What [`write()`] would do.
fn compute(
    tx: &mut Tx<'_>,
    line: &TypeLine,
    released: &HashSet<TypeName>,
    pending: &mut PendingRecords,
) -> Result<Effect> {
    require_times(tx, line)?;
    let old = match pending.types.get(&line.name) {
        Some(data) => Some(data.clone()),
        None => tx.relationship_type(&line.name)?.map(|found| found.data),
    };
    let data = wanted_data(tx, line, old.as_ref(), released)?;
    if let Some(old) = &old
        && tx.has_type(&line.name)?
    {
        let stricter = data.rules().stricter_than(old.rules());
        let violations = stored_rules::check(tx, &line.name, |_| stricter)?;
        Error::unless_empty(violations.into_iter().map(stored_rules::problem_of).collect())?;
    }
    let is_same = old.as_ref() == Some(&data);
    if !is_same {
        pending.types.insert(line.name.clone(), data);
    }
    Ok(match old {
        None => Effect::Added,
        Some(_) if is_same => Effect::Unchanged,
        Some(_) => Effect::Changed,
    })
}

/// The data of the type of a line. A role that another type would release is left out.
fn wanted_data(
    tx: &mut Tx<'_>,
    line: &TypeLine,
    old: Option<&TypeData>,
    released: &HashSet<TypeName>,
) -> Result<TypeData> {
    let is_released =
        |value: &Value| matches!(value, Value::Text(role) if released.iter().any(|it| it.as_str() == role));
    let is_kept = |(attribute, value): &&(TypeAttribute, Value)| !(ROLES.contains(attribute) && is_released(value));
    let fields: Vec<_> = line.fields.iter().filter(is_kept).cloned().collect();
    change_data(tx, &line.name, old, &fields)
}

/// The types that must release roles first, because lines give these to other types: types whose own line gives them
/// up, and types of a new database without a line.
fn roles_to_release(
    tx: &mut Tx<'_>,
    lines: &[(u64, &TypeLine)],
) -> Result<Vec<(RelationshipType, Vec<TypeAttribute>)>> {
    let claims = || lines.iter().flat_map(|(_, line)| claims_of(line).into_iter().map(|name| (name, &line.name)));
    let names: Vec<_> = claims().map(|(name, _)| name).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for holder in tx.types_with_name_or_role(&names)? {
        let own = lines.iter().find(|(_, line)| line.name == holder.name).map(|(_, line)| *line);
        let is_unused = own.is_none() && holder.version == 1 && is_unused(tx, &holder)?;
        let gives_up = |role: TypeAttribute| match own {
            Some(line) => line.fields.iter().any(|(name, value)| *name == role && !holder.data.holds(role, value)),
            None => is_unused,
        };
        let is_claimed = |role: &TypeName| claims().any(|(name, claimant)| name == *role && *claimant != holder.name);
        let roles: Vec<_> = ROLES
            .into_iter()
            .filter(|role| gives_up(*role) && role_of(&holder.data, *role).as_ref().is_some_and(is_claimed))
            .collect();
        if !roles.is_empty() {
            found.push((holder, roles));
        }
    }
    Ok(found)
}

/// The names that a line gives to a type or its roles.
fn claims_of(line: &TypeLine) -> Vec<TypeName> {
    let role = |(attribute, value): &(TypeAttribute, Value)| match value {
        Value::Text(text) if ROLES.contains(attribute) => TypeName::parse(text),
        _ => None,
    };
    [line.name.clone()].into_iter().chain(line.fields.iter().filter_map(role)).collect()
}

fn role_of(data: &TypeData, attribute: TypeAttribute) -> Option<TypeName> {
    match attribute {
        TypeAttribute::UserRole => data.user_role.clone(),
        TypeAttribute::TargetRole => data.target_role.clone(),
        _ => None,
    }
}
