//! Writes pages to the files of an export.

use std::io::{self, Write};
use std::sync::mpsc::Receiver;

use super::csv::CsvStyle;
use super::pages::ExportPage;
use super::row::ExportRow;
use super::sink::Sink;
use crate::cli::command_error::CommandError;
use crate::cli::progress::{Progress, count};
use crate::files::record::RecordKind;
use crate::http::jsonapi::export_resource::ExportedResources;

/// How rows are written.
#[derive(Debug)]
pub enum Encoder {
    /// One JSON object per line.
    Lines,
    /// Tables.
    Tables(CsvStyle),
    /// One JSON:API document.
    Document {
        /// Renders the resources.
        resources: ExportedResources,
        /// Whether a resource is written already.
        has_some: bool,
    },
}

/// The open files of an export.
pub struct Outputs {
    encoder: Encoder,
    open: Vec<Sink>,
    /// The kinds of records, and the index of the file of each.
    places: Vec<(RecordKind, usize)>,
    /// The rows of each kind.
    written: Vec<(RecordKind, u64)>,
}

impl Encoder {
    fn begin(&self, kind: RecordKind, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Lines => Ok(()),
            Self::Tables(style) => style.write_header(kind, out),
            Self::Document { .. } => out.write_all(b"{\"jsonapi\":{\"version\":\"1.1\"},\"data\":["),
        }
    }

    fn write(&mut self, row: &ExportRow<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Lines => row.write_json(out),
            Self::Tables(style) => row.write_csv(*style, out),
            Self::Document { resources, has_some } => {
                out.write_all(if std::mem::replace(has_some, true) { b",\n" } else { b"\n" })?;
                out.write_all(&row.resource(resources)?)
            }
        }
    }

    fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Document { .. } => out.write_all(b"\n]}\n"),
            Self::Lines | Self::Tables(_) => Ok(()),
        }
    }
}

impl Outputs {
    /// One file for all records.
    ///
    /// # Errors
    /// [`CommandError`] when it cannot be written.
    pub fn one(encoder: Encoder, mut sink: Sink) -> Result<Self, CommandError> {
        sink.put(|out| encoder.begin(RecordKind::Type, out))?;
        let places = RecordKind::ALL.map(|kind| (kind, 0)).to_vec();
        Ok(Self { encoder, open: vec![sink], places, written: Vec::new() })
    }

    /// One file for each kind of records.
    ///
    /// # Errors
    /// [`CommandError`] when one cannot be written.
    pub fn tables(style: CsvStyle, sinks: Vec<(RecordKind, Sink)>) -> Result<Self, CommandError> {
        let encoder = Encoder::Tables(style);
        let mut outputs = Self { encoder, open: Vec::new(), places: Vec::new(), written: Vec::new() };
        for (kind, mut sink) in sinks {
            sink.put(|out| outputs.encoder.begin(kind, out))?;
            outputs.places.push((kind, outputs.open.len()));
            outputs.open.push(sink);
        }
        Ok(outputs)
    }

    /// The kinds of records that have a file.
    pub fn kinds(&self) -> Vec<RecordKind> {
        self.places.iter().map(|(kind, _)| *kind).collect()
    }

    /// Writes all pages, and returns a summary for people.
    ///
    /// # Errors
    /// [`CommandError`] when a file cannot be written.
    pub fn write(mut self, pages: &Receiver<ExportPage>) -> Result<String, CommandError> {
        let (mut progress, mut total) = (None, 0);
        for page in pages {
            let rows = match page {
                ExportPage::Total(total) => {
                    progress = Some(Progress::begin("export", u64::try_from(total).ok()));
                    continue;
                }
                ExportPage::Types(rows) => self.put(RecordKind::Type, rows.iter().map(ExportRow::Type))?,
                ExportPage::Users(rows) => self.put(RecordKind::User, rows.iter().map(ExportRow::User))?,
                ExportPage::Relationships(rows) => {
                    self.put(RecordKind::Relationship, rows.iter().map(ExportRow::Relationship))?
                }
                ExportPage::Groups(rows) => self.put(RecordKind::Group, rows.iter().map(ExportRow::Group))?,
                ExportPage::Members(rows) => self.put(RecordKind::Member, rows.iter().map(ExportRow::Member))?,
            };
            total += rows;
            if let Some(progress) = &progress {
                progress.advance(total, rows);
            }
        }
        let pace = progress.map(|progress| progress.end()).unwrap_or_default();
        let summary = format!("{}: {pace}", self.summary());
        for mut sink in self.open {
            sink.put(|out| self.encoder.end(out))?;
            sink.finish()?;
        }
        Ok(summary)
    }

    /// Writes rows of one kind, and returns how many.
    fn put<'a>(&mut self, kind: RecordKind, rows: impl Iterator<Item = ExportRow<'a>>) -> Result<u64, CommandError> {
        let place = self.places.iter().find(|(known, _)| *known == kind).map(|(_, place)| *place);
        let Some(sink) = place.and_then(|place| self.open.get_mut(place)) else { return Ok(0) };
        let (encoder, mut count) = (&mut self.encoder, 0);
        sink.put(|out| {
            for row in rows {
                encoder.write(&row, out)?;
                count += 1;
            }
            io::Result::Ok(())
        })?;
        match self.written.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, written)) => *written += count,
            None => self.written.push((kind, count)),
        }
        Ok(count)
    }

    /// `60 users, 120 relationships`.
    fn summary(&self) -> String {
        let summarize = |kind: RecordKind| {
            let written = self.written.iter().find(|(known, _)| *known == kind).map_or(0, |(_, count)| *count);
            count(written, kind.noun())
        };
        self.places.iter().map(|(kind, _)| summarize(*kind)).collect::<Vec<_>>().join(", ")
    }
}
