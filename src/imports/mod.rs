//! Reads the files of imports: in passes over each file, whose lines come in batches.
//!
//! # Design
//! A file is a path of the command line, or the body of a request that the database keeps. People files and
//! synchronizations are read more than once.

pub mod feed;
pub mod passes;
pub mod rejected_people;
pub mod repeated_passes;
pub mod sources;
