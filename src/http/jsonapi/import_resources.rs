//! Resource objects of imports and of their rows.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::identifier::UnlinkedLinkage;
use super::import_fields::{ImportField, ImportRowField};
use super::links::{RelationshipLinks, SelfLink};
use super::resources::{Body, ItemMeta, Resource};
use super::text::{IsoTime, Text};
use crate::http::urls::{ImportUrl, LinkUrl};
use crate::model::import::{ALL_DONE, Import, ImportCounts, ImportedRow};

/// The type of imports.
pub const IMPORTS: &str = "imports";
/// The type of the rows of imports.
pub const IMPORT_ROWS: &str = "import-rows";
/// The relationship of an import with its rows.
pub const ROWS: &str = "rows";

/// The counts that every import has.
#[derive(Serialize)]
struct Counts {
    created: i64,
    changed: i64,
    moved: i64,
    disabled: i64,
    unchanged: i64,
    rejected: i64,
}

impl From<ImportCounts> for Counts {
    fn from(counts: ImportCounts) -> Self {
        let ImportCounts { created, changed, moved, disabled, unchanged, rejected, .. } = counts;
        Self { created, changed, moved, disabled, unchanged, rejected }
    }
}

/// The selected attributes. The inner `Option` is `null` where the import has no such value.
#[expect(clippy::option_option, reason = "a member can be left out, or be `null`")]
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ImportAttributes<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<IsoTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Option<IsoTime>>,
}

#[derive(Serialize)]
struct ImportRelationships<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<UnlinkedLinkage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<LinkedRows<'a>>,
}

#[derive(Serialize)]
struct LinkedRows<'a> {
    links: RelationshipLinks<LinkUrl<'a, ImportUrl>>,
}

impl Serialize for Resource<'_, Import> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (import, fields) = (self.row, self.options.imports);
        let url = LinkUrl(&self.options.base, ImportUrl(import.id));
        Body {
            kind: IMPORTS,
            id: Text(import.id),
            attributes: fields.has_attributes().then(|| ImportAttributes {
                state: fields.has(ImportField::State).then(|| import.state.name()),
                counts: fields.has(ImportField::Counts).then(|| import.counts.into()),
                deleted: fields.has(ImportField::Deleted).then_some(import.counts.deleted),
                missing: fields.has(ImportField::Missing).then_some(import.counts.missing),
                progress: fields.has(ImportField::Progress).then(|| share(import.progress)),
                problem: fields.has(ImportField::Problem).then_some(import.problem.as_deref()),
                created_at: fields.has(ImportField::CreatedAt).then_some(IsoTime(import.created_at)),
                finished_at: fields.has(ImportField::FinishedAt).then(|| import.finished_at.map(IsoTime)),
            }),
            relationships: fields.has_relationships().then(|| ImportRelationships {
                actor: fields.has(ImportField::Actor).then(|| UnlinkedLinkage::of(Some(import.actor))),
                rows: fields
                    .has(ImportField::Rows)
                    .then(|| LinkedRows { links: RelationshipLinks::to_many(url, ROWS) }),
            }),
            links: SelfLink { this: Text(url) },
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}

/// Millionths as a number from 0 to 1.
fn share(millionths: i64) -> f64 {
    let number = |number: i64| i32::try_from(number).map_or(1.0, f64::from);
    number(millionths.clamp(0, ALL_DONE)) / number(ALL_DONE)
}

/// A row has no URL of its own, and so no links.
#[derive(Serialize)]
struct RowObject<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<RowAttributes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a ItemMeta>,
}

#[expect(clippy::option_option, reason = "a member can be left out, or be `null`")]
#[derive(Serialize)]
struct RowAttributes<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Value>,
}

impl Serialize for Resource<'_, ImportedRow> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (row, fields) = (self.row, self.options.import_rows);
        let mut content: Value = serde_json::from_str(&row.content).unwrap_or_default();
        let mut member = |name: &str| content.get_mut(name).map(Value::take).unwrap_or_default();
        let [before, after, problems] = ["before", "after", "problems"].map(&mut member);
        let subject = Some(row.subject.as_str()).filter(|subject| !subject.is_empty());
        RowObject {
            kind: IMPORT_ROWS,
            id: format!("{}-{}", row.import, row.number),
            attributes: fields.has_attributes().then(|| RowAttributes {
                line: fields.has(ImportRowField::Line).then_some(row.line),
                outcome: fields.has(ImportRowField::Outcome).then_some(row.outcome.as_str()),
                subject: fields.has(ImportRowField::Subject).then_some(subject),
                before: fields.has(ImportRowField::Before).then_some(before),
                after: fields.has(ImportRowField::After).then_some(after),
                problems: fields.has(ImportRowField::Problems).then_some(problems),
            }),
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}
