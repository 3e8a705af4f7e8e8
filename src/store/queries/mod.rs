//! The queries that both databases have, written once: `sqlite/mod.rs` and `postgres/mod.rs` both mount this folder,
//! each with its own `Conn`, `Db`, `bulk` and `dialect`.

pub(in crate::store) mod below;
pub(in crate::store) mod change_writes;
pub(in crate::store) mod changes;
pub(in crate::store) mod check;
pub(in crate::store) mod clients;
pub(in crate::store) mod counts;
mod edge_tables;
pub(in crate::store) mod group_pages;
pub(in crate::store) mod group_transfer;
pub(in crate::store) mod groups;
pub(in crate::store) mod handovers;
pub(in crate::store) mod idempotency;
pub(in crate::store) mod imports;
pub(in crate::store) mod keys;
pub(in crate::store) mod meta;
mod order;
pub(in crate::store) mod passwords;
pub(in crate::store) mod relationship_pages;
pub(in crate::store) mod relationship_types;
pub(in crate::store) mod relationships;
pub(in crate::store) mod retired;
mod role_filters;
pub(in crate::store) mod roles;
pub(in crate::store) mod rules;
mod sql;
pub(in crate::store) mod stored_edges;
pub(in crate::store) mod tokens;
pub(in crate::store) mod transfer;
pub(in crate::store) mod traversal;
mod user_columns;
pub(in crate::store) mod user_deletion;
pub(in crate::store) mod user_search;
pub(in crate::store) mod users;

use super::{Conn, Db, bulk, dialect};
use crate::store::{columns, group_rows, rows, schema};
