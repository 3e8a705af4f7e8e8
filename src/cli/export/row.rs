//! Users and relationships as lines of a file.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::files::formula;
use crate::files::record::RecordKind;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::relationship::{EdgeAttribute, Relationship};
use crate::model::time::{Rfc2822, Timestamp};
use crate::model::user::{Field, Held, User};

/// A line of NDJSON, a record of CSV.
#[derive(Debug, Clone, Copy)]
pub enum ExportRow<'a> {
    /// A user with all attributes.
    User(&'a User),
    /// A relationship.
    Relationship(&'a Relationship),
}

/// The columns of users, in order.
#[must_use]
pub fn user_columns() -> Vec<&'static str> {
    let fields = Field::ALL.into_iter().map(Field::member);
    ["id"].into_iter().chain(fields).chain(["created-at", "updated-at"]).collect()
}

/// The columns of relationships, in order.
#[must_use]
pub fn relationship_columns() -> Vec<&'static str> {
    let attributes = EdgeAttribute::ALL.into_iter().map(EdgeAttribute::member);
    ["id", "user", "target"].into_iter().chain(attributes).chain(["created-at", "updated-at"]).collect()
}

impl ExportRow<'_> {
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
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::User(user) => write_row(out, &[user.id.get()], &user.data, [user.created_at, user.updated_at]),
            Self::Relationship(edge) => {
                let ids = [edge.id.get(), edge.user.get(), edge.target.get()];
                write_row(out, &ids, &edge.data, [edge.created_at, edge.updated_at])
            }
        }
    }
}

impl Serialize for ExportRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let times = match self {
            Self::User(user) => {
                map.serialize_entry("type", RecordKind::User.name())?;
                map.serialize_entry("id", &user.id.get())?;
                for field in Field::ALL {
                    map.serialize_entry(field.member(), &user.data.get(field))?;
                }
                [("created-at", user.created_at), ("updated-at", user.updated_at)]
            }
            Self::Relationship(edge) => {
                map.serialize_entry("type", RecordKind::Relationship.name())?;
                map.serialize_entry("id", &edge.id.get())?;
                map.serialize_entry("user", &edge.user.get())?;
                map.serialize_entry("target", &edge.target.get())?;
                for attribute in EdgeAttribute::ALL {
                    map.serialize_entry(attribute.member(), &edge.data.get(attribute))?;
                }
                [("created-at", edge.created_at), ("updated-at", edge.updated_at)]
            }
        };
        for (name, at) in times {
            map.serialize_entry(name, time(at).as_str())?;
        }
        map.end()
    }
}

fn write_row<R: HasAttributes>(out: &mut dyn Write, ids: &[i64], record: &R, times: [Timestamp; 2]) -> io::Result<()> {
    let ids = ids.iter().map(|id| Cow::Owned(id.to_string()));
    let attributes = R::Attribute::all().iter().map(|attribute| cell_of(record.get(*attribute)));
    let times = times.map(|at| Cow::Owned(time(at).as_str().to_owned()));
    let cells: Vec<Cow<'_, str>> = ids.chain(attributes).chain(times).collect();
    write_cells(out, cells.iter().map(|cell| &**cell))
}

/// In UTC, independent of `TIME_ZONE`, because a file may be read elsewhere.
fn time(at: Timestamp) -> Rfc2822 {
    at.rfc2822(chrono_tz::UTC)
}

/// An empty cell means no value, and cells are trimmed when they are read, so a string that is empty, looks like JSON, or
/// has white space at an end, is written as JSON.
fn cell_of(held: Held<'_>) -> Cow<'_, str> {
    let json = |text: serde_json::Result<String>| Cow::Owned(text.unwrap_or_default());
    match held {
        Held::Text(None) | Held::List([]) | Held::Integer(None) => Cow::Borrowed(""),
        Held::Text(Some(text)) if text.is_empty() || text.starts_with('"') || text.trim() != text => {
            json(serde_json::to_string(text))
        }
        Held::Text(Some(text)) => Cow::Borrowed(text),
        Held::List(list) => json(serde_json::to_string(list)),
        Held::Integer(Some(number)) => Cow::Owned(number.to_string()),
        Held::Flag(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
    }
}

/// Writes a record (RFC 4180, but with a plain line feed at the end). Cells that look like formulas are neutralized.
///
/// # Errors
/// Those of the file.
pub fn write_cells<'a>(out: &mut dyn Write, cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        let cell = formula::neutralize(cell);
        if cell.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}
