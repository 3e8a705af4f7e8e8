//! Imports: reads files in passes, and runs uploads in the background.
//!
//! # Design
//! A file is a path of the command line, or an upload that the database keeps. People files and synchronizations are read
//! more than once. [`service`] works on uploads, and [`upkeep`] takes over what other instances left.

mod active;
pub mod edge_columns;
pub mod feed;
mod import_metrics;
pub mod labels;
mod location;
pub mod passes;
mod plain_run;
mod preview;
pub mod rejected_people;
pub mod repeated_passes;
mod row_sink;
mod rows;
mod run;
pub mod service;
pub mod settings;
pub mod sources;
pub mod start;
pub mod upkeep;
pub mod upload;
mod work;
