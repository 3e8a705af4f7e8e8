//! People files: tables of users with columns that become relationships.
//!
//! # Design
//! The users of the whole file are written before its relationships, so the order of the rows does not matter. A first
//! pass over the file, [`PeopleScan`], decides how each column refers to users; it remembers hashes, in about 100 bytes for
//! each person. Users are the second pass, and each column that becomes relationships is one more.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::cell::Cell;
use super::cell_text::{EmptyCells, parse_cell};
use super::columns::{ColumnUse, Columns, ReferenceKind};
use super::problem::LineProblem;
use crate::domain::transfer::{EdgeColumn, RelationshipLine, UserReference};
use crate::model::email;
use crate::model::field::FieldKind;
use crate::model::id::UserId;
use crate::model::key;
use crate::model::relationship::EdgeData;
use crate::model::role::RoleEnd;
use crate::model::text::excerpt;

/// Reads all rows of a people file before any is written.
#[derive(Debug)]
pub struct PeopleScan {
    hasher: RandomState,
    email: Option<usize>,
    /// The columns that become something, except that of the address.
    used: Vec<usize>,
    ids: Option<Values>,
    alt_ids: Option<Values>,
    edges: Vec<ScannedColumn>,
    people: HashMap<u64, FirstRow>,
    conflicts: HashMap<u64, u64>,
}

/// Hashes of the values of a column.
#[derive(Debug)]
struct Values {
    place: usize,
    hashes: HashSet<u64>,
}

/// A column whose kind of reference its cells decide.
#[derive(Debug)]
struct ScannedColumn {
    values: Values,
    kind: Option<ReferenceKind>,
    has_only_addresses: bool,
}

/// The first row of a person.
#[derive(Debug)]
struct FirstRow {
    line: u64,
    row: u64,
}

/// What a scan has found out.
#[derive(Debug, Default)]
pub struct PeopleFacts {
    /// How the columns that become relationships refer to users, by the place of the column.
    pub kinds: HashMap<usize, ReferenceKind>,
    /// The lines that repeat a person with other values, each with the line of the first row of the person.
    pub conflicts: HashMap<u64, u64>,
}

/// Converts a column of a people file to relationships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeReader {
    /// The place of the column.
    pub place: usize,
    /// The heading of the column.
    pub heading: String,
    /// The place of the column with the address of the user of the row.
    pub email: usize,
    /// How the cells refer to users.
    pub kind: ReferenceKind,
    /// What the column becomes.
    pub column: EdgeColumn,
}

impl PeopleScan {
    /// Begins with the first row.
    #[must_use]
    pub fn new(columns: &Columns) -> Self {
        let values = |place| Values { place, hashes: HashSet::new() };
        let scanned = |(place, kind)| ScannedColumn { values: values(place), kind, has_only_addresses: true };
        let email = columns.place_of("email");
        let is_used = |place: &usize| {
            let column = columns.columns.get(*place);
            Some(*place) != email && column.is_some_and(|column| !matches!(column.becomes, ColumnUse::Ignored(_)))
        };
        Self {
            hasher: RandomState::new(),
            email,
            used: (0..columns.columns.len()).filter(is_used).collect(),
            ids: columns.place_of("id").map(values),
            alt_ids: columns.place_of("alt-id").map(values),
            edges: columns.edges().map(|(place, target)| scanned((place, target.kind))).collect(),
            people: HashMap::new(),
            conflicts: HashMap::new(),
        }
    }

    /// Reads a row.
    pub fn add(&mut self, line: u64, cells: &[&str]) {
        let Some(email) = self.email.and_then(|place| text_of(cells, place)) else { return };
        for values in [&mut self.ids, &mut self.alt_ids].into_iter().flatten() {
            values.add(&self.hasher, cells);
        }
        for column in self.edges.iter_mut().filter(|column| column.kind.is_none()) {
            if let Some(text) = column.values.add(&self.hasher, cells) {
                column.has_only_addresses &= email::complaint_about(&text).is_none();
            }
        }
        let row: Vec<_> = self.used.iter().map(|place| cells.get(*place).map(|cell| cell.trim())).collect();
        let (person, row) = (self.hasher.hash_one(key::of_email(&email)), self.hasher.hash_one(row));
        let first = self.people.entry(person).or_insert(FirstRow { line, row });
        if first.row != row {
            self.conflicts.insert(line, first.line);
        }
    }

    /// Decides, after the last row.
    #[must_use]
    pub fn finish(self) -> PeopleFacts {
        let decide = |column: &ScannedColumn| {
            column.kind.unwrap_or_else(|| column.decide(self.ids.as_ref(), self.alt_ids.as_ref()))
        };
        let kinds = self.edges.iter().map(|column| (column.values.place, decide(column))).collect();
        PeopleFacts { kinds, conflicts: self.conflicts }
    }
}

impl Values {
    fn add<'a>(&mut self, hasher: &RandomState, cells: &[&'a str]) -> Option<Cow<'a, str>> {
        let text = text_of(cells, self.place)?;
        self.hashes.insert(hasher.hash_one(&*text));
        Some(text)
    }
}

impl ScannedColumn {
    fn decide(&self, ids: Option<&Values>, alt_ids: Option<&Values>) -> ReferenceKind {
        let found = &self.values.hashes;
        let match_all = |values: Option<&Values>| values.is_some_and(|values| found.is_subset(&values.hashes));
        match () {
            () if found.is_empty() => ReferenceKind::Name,
            () if self.has_only_addresses => ReferenceKind::Email,
            () if match_all(alt_ids) => ReferenceKind::AltId,
            () if match_all(ids) => ReferenceKind::Id,
            () => ReferenceKind::Name,
        }
    }
}

impl EdgeReader {
    /// The relationship of a row; `None` if its cell is empty or the row names no user.
    ///
    /// # Errors
    /// A cell that cannot be a reference.
    pub fn read(&self, cells: &[&str]) -> Result<Option<RelationshipLine>, LineProblem> {
        let (Some(email), Some(text)) = (text_of(cells, self.email), text_of(cells, self.place)) else {
            return Ok(None);
        };
        let own = UserReference::Email(email.into_owned());
        let named = reference(self.kind, &text).map_err(|detail| self.problem(&detail, &text))?;
        let (user, target) = if self.column.end == RoleEnd::Owner { (named, own) } else { (own, named) };
        let data = EdgeData::new(self.column.relationship.clone());
        Ok(Some(RelationshipLine { id: None, user, target, data, created_at: None, updated_at: None }))
    }

    fn problem(&self, detail: &str, text: &str) -> LineProblem {
        LineProblem::of_value(&self.heading, &format!("{detail}; got `{}`", excerpt(text)))
    }

    /// The member of the relationship that a cell becomes.
    #[must_use]
    pub const fn member(&self) -> &'static str {
        if matches!(self.column.end, RoleEnd::Owner) { "user" } else { "target" }
    }

    /// The member of the relationship that the user of a row becomes.
    #[must_use]
    pub const fn own_member(&self) -> &'static str {
        if matches!(self.column.end, RoleEnd::Owner) { "target" } else { "user" }
    }
}

/// The text of a cell; `None` if it is empty or unreadable.
fn text_of<'a>(cells: &[&'a str], place: usize) -> Option<Cow<'a, str>> {
    let kind = Some(FieldKind::Text { max_chars: usize::MAX });
    match parse_cell(kind, cells.get(place)?, EmptyCells::Keep) {
        Ok(Some(Cell::Text(text))) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn reference(kind: ReferenceKind, text: &str) -> Result<UserReference, String> {
    if text.contains('\0') {
        return Err("must not contain U+0000".to_owned());
    }
    Ok(match kind {
        ReferenceKind::Id => {
            UserReference::Id(text.parse::<UserId>().map_err(|_| "must be the id of a user".to_owned())?)
        }
        ReferenceKind::Email => UserReference::Email(text.to_owned()),
        ReferenceKind::AltId => UserReference::AltId(text.to_owned()),
        ReferenceKind::Name => UserReference::Name(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::mapping::Mapping;
    use crate::files::matching::match_columns;
    use crate::files::record::RecordKind;

    fn scan(headings: &[&str], rows: &[&[&str]]) -> PeopleFacts {
        let columns = match_columns(headings, RecordKind::User, &Mapping::default(), EmptyCells::Keep).unwrap();
        let mut scan = PeopleScan::new(&columns);
        for (number, cells) in (2..).zip(rows) {
            scan.add(number, cells);
        }
        scan.finish()
    }

    #[test]
    fn all_cells_of_a_column_decide_on_the_kind_of_reference() {
        let all = ["email", "alt-id", "id", "Supervisor"];
        for (headings, supervisors, kind) in [
            (&all[..], ["b@example.com", " A@example.com "], ReferenceKind::Email),
            (&all, ["b@example.com", "E2"], ReferenceKind::Name),
            (&all, ["", "E2"], ReferenceKind::AltId),
            (&all, ["E2", "E3"], ReferenceKind::Name),
            (&all, ["1", "1"], ReferenceKind::Id),
            (&all, ["1", "E2"], ReferenceKind::Name),
            (&all, ["", " "], ReferenceKind::Name),
            (&["email", "alt-id", "first-name", "Supervisor"], ["1", "1"], ReferenceKind::Name),
            (&["email", "first-name", "last-name", "Supervisor"], ["E2", "1"], ReferenceKind::Name),
        ] {
            let facts = scan(
                headings,
                &[&["a@example.com", "E1", "1", supervisors[0]], &["b@example.com", "E2", "2", supervisors[1]]],
            );
            assert_eq!(facts.kinds.get(&3), Some(&kind), "{headings:?} {supervisors:?}");
            assert!(facts.conflicts.is_empty());
        }
    }

    #[test]
    fn a_reference_with_a_nul_is_refused_by_name() {
        use crate::model::relationship_type::TypeName;
        let column = EdgeColumn { relationship: TypeName::parse("mentor").unwrap(), end: RoleEnd::Target };
        for kind in [ReferenceKind::Email, ReferenceKind::AltId, ReferenceKind::Name] {
            let (heading, column) = ("Mentor".to_owned(), column.clone());
            let reader = EdgeReader { place: 1, heading, email: 0, kind, column };
            let refused = reader.read(&["a@example.com", "E\u{0}1"]).unwrap_err().to_string();
            assert!(refused.starts_with("`Mentor`: must not contain U+0000; got `E"), "{kind:?}: {refused}");
            assert_eq!(reader.read(&["a@example.com", " "]), Ok(None));
            assert!(reader.read(&["a@example.com", "E1"]).unwrap().is_some());
        }
    }

    #[test]
    fn a_person_with_other_values_conflicts_and_one_with_the_same_does_not() {
        let facts = scan(
            &["email", "first-name", "Hire Date", "Supervisor"],
            &[
                &["a@example.com", "Ann", "1.1.", ""],
                &["A@example.com", "Ann ", "2.2.", ""],
                &["b@example.com", "Bob", "", ""],
                &["a@example.com", "Anna", "", ""],
            ],
        );
        assert_eq!(facts.conflicts, HashMap::from([(5, 2)]));
    }
}
