//! The columns of a table, and its rows as members.

use std::borrow::Cow;

use super::cell::{Cell, Members};
use super::cell_text::{EmptyCells, NULL, parse_cell, plain_text};
use super::problem::LineProblem;
use super::record_kind::RecordKind;
use crate::model::text::excerpt;
use crate::model::user::FieldKind;

/// How the cells of a column refer to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// By id.
    Id,
    /// By e-mail address.
    Email,
    /// By the id in another system.
    AltId,
    /// By name.
    Name,
}

/// The relationships that a column of a people file becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeTarget {
    /// The name of a type, or of a role.
    pub name: String,
    /// How the cells refer to users; `None` until the cells decide.
    pub kind: Option<ReferenceKind>,
}

/// What a column becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnUse {
    /// A member of a record.
    Member {
        /// The name of the member.
        name: &'static str,
        /// The kind of its value, if it is an attribute of a user.
        kind: Option<FieldKind>,
    },
    /// Relationships of the user of a row.
    Edges(EdgeTarget),
    /// Nothing.
    Ignored(WhyIgnored),
}

/// Why a column becomes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyIgnored {
    /// The mapping says so.
    Mapped,
    /// The service computes the member.
    Computed,
    /// It is known from exports of other systems and has no counterpart.
    Known,
    /// The column with this heading becomes the same.
    Superseded(String),
    /// It is unknown, and unknown columns are ignored.
    Unknown,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// The heading, as it is in the file.
    pub heading: String,
    /// What it becomes.
    pub becomes: ColumnUse,
}

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The kind of the records.
    pub kind: RecordKind,
    /// All columns, in order.
    pub columns: Vec<TableColumn>,
    /// What an empty cell does.
    pub empty: EmptyCells,
}

impl ReferenceKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Id, Self::Email, Self::AltId, Self::Name];

    /// The name in mappings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Email => "email",
            Self::AltId => "alt-id",
            Self::Name => "name",
        }
    }
}

impl Columns {
    /// Whether a row has no text at all.
    #[must_use]
    pub fn is_blank(cells: &[&str]) -> bool {
        cells.iter().all(|cell| cell.trim().is_empty())
    }

    /// Whether a row repeats the header, as where files were joined. The first cell may have the byte order mark.
    #[must_use]
    pub fn repeats_header(&self, cells: &[&str]) -> bool {
        let is_same =
            |(column, cell): (&TableColumn, &&str)| cell.trim_start_matches('\u{FEFF}').trim() == column.heading;
        !self.columns.is_empty() && cells.len() >= self.columns.len() && self.columns.iter().zip(cells).all(is_same)
    }

    /// The place of the column of a member.
    #[must_use]
    pub fn place_of(&self, member: &str) -> Option<usize> {
        let is_member =
            |column: &TableColumn| matches!(&column.becomes, ColumnUse::Member { name, .. } if *name == member);
        self.columns.iter().position(is_member)
    }

    /// The places of the columns that become relationships, and what they become.
    pub fn edges(&self) -> impl Iterator<Item = (usize, &EdgeTarget)> {
        self.columns.iter().enumerate().filter_map(|(place, column)| match &column.becomes {
            ColumnUse::Edges(target) => Some((place, target)),
            _ => None,
        })
    }

    /// The members of columns with other headings, and these headings.
    #[must_use]
    pub fn labels(&self) -> Vec<(String, String)> {
        let label = |column: &TableColumn| match &column.becomes {
            ColumnUse::Member { name, .. } if *name != column.heading => {
                Some(((*name).to_owned(), column.heading.clone()))
            }
            _ => None,
        };
        self.columns.iter().filter_map(label).collect()
    }

    /// Requires a cell for every column. Further cells must be empty.
    ///
    /// # Errors
    /// A wrong number of cells.
    pub fn require_width(&self, cells: &[&str]) -> Result<(), String> {
        let has_more = cells.iter().skip(self.columns.len()).any(|cell| !cell.trim().is_empty());
        if cells.len() < self.columns.len() || has_more {
            let (found, expected) = (cells.len(), self.columns.len());
            return Err(format!("the row has {found} cells; the header line has {expected}"));
        }
        Ok(())
    }

    /// The members of a row, without those of the columns that become relationships, and the problems of the cells that
    /// cannot be read.
    ///
    /// # Errors
    /// A repeated header, and a wrong number of cells.
    pub fn members<'a>(&'a self, cells: &[&'a str]) -> Result<(Members<'a>, Vec<LineProblem>), LineProblem> {
        if self.repeats_header(cells) {
            let detail = "the row repeats the header line; delete it: several files were joined";
            return Err(LineProblem::of_line(detail.to_owned()));
        }
        self.require_width(cells).map_err(LineProblem::of_line)?;
        let (mut members, mut problems) = (Vec::with_capacity(cells.len()), Vec::new());
        for (column, text) in self.columns.iter().zip(cells) {
            let ColumnUse::Member { name, kind } = &column.becomes else { continue };
            match self.cell(*kind, text) {
                Ok(cell) => members.extend(cell.map(|cell| (Cow::Borrowed(*name), cell))),
                Err(detail) => problems.push(LineProblem::of_value(name, &detail)),
            }
        }
        Ok((Members(members), problems))
    }

    fn cell<'a>(&self, kind: Option<FieldKind>, text: &'a str) -> Result<Option<Cell<'a>>, String> {
        if self.kind == RecordKind::Type && kind.is_some() && plain_text(text) == NULL {
            return Ok(Some(Cell::Null));
        }
        parse_cell(kind, text, self.empty)
    }

    /// Names the column of a problem instead of the member, and adds the value.
    pub fn locate(&self, problem: &mut LineProblem, cells: &[&str]) {
        let Some(place) = problem.member.as_deref().and_then(|member| self.place_of(member)) else { return };
        let text = cells.get(place).map_or("", |cell| plain_text(cell));
        if !text.is_empty() && !problem.detail.contains("got `") {
            problem.detail = format!("{}; got `{}`", problem.detail, excerpt(text));
        }
        if let Some(column) = self.columns.get(place) {
            problem.member = Some(Cow::Owned(column.heading.clone()));
        }
    }
}
