//! Where the rows of a database are: all on one server, or on the nodes of a Citus cluster.
//!
//! # Design
//! A session finds out the layout when it connects. A job runs on one thread from its first statement to its last, so the
//! layout of its session is a variable of that thread: queries choose their tables by it, and need no parameter for it
//! (`docs/decisions/0062-spread-rows-by-the-layout-of-the-session.md`).

use diesel::prelude::*;
use diesel::sql_types::Bool;
use std::cell::Cell;

use super::conn::Conn;
use super::mode::Gathering;

/// Where the rows of a database are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) enum Layout {
    /// On one server.
    #[default]
    Server,
    /// On one node of a Citus cluster, which has the whole schema.
    CitusSchema,
    /// On all nodes of a Citus cluster, with copies of relationships.
    CitusRows,
}

thread_local! {
    static LAYOUT: Cell<Layout> = const { Cell::new(Layout::Server) };
}

/// Ends the use of a layout on this thread.
#[derive(Debug)]
pub(in crate::store) struct LayoutInUse(());

impl Layout {
    /// Whether the database has the extension Citus.
    pub const fn is_citus(self) -> bool {
        !matches!(self, Self::Server)
    }

    /// Whether rows are spread over nodes.
    pub const fn is_spread(self) -> bool {
        matches!(self, Self::CitusRows)
    }

    /// Whether requests of a kind may share a statement. Citus runs the parts of one statement one after the other, and mixes
    /// up their rows; and it does not join lists of values with rows on several nodes.
    pub const fn gathers(self, kind: Gathering) -> bool {
        match self {
            Self::Server => true,
            Self::CitusSchema => !kind.mode.may_write(),
            Self::CitusRows => kind.has_spread_rows,
        }
    }

    /// Makes the queries of this thread use the tables of a layout, until the result is dropped.
    pub fn enter(self) -> LayoutInUse {
        LAYOUT.set(self);
        LayoutInUse(())
    }
}

impl Drop for LayoutInUse {
    fn drop(&mut self) {
        LAYOUT.set(Layout::Server);
    }
}

/// Whether this thread uses rows that are spread over nodes.
pub(in crate::store) fn is_spread() -> bool {
    LAYOUT.get().is_spread()
}

/// Finds out the layout of a database.
pub(in crate::store) fn find(conn: &mut Conn) -> QueryResult<Layout> {
    let (has_citus, is_spread): (bool, bool) = diesel::dsl::sql::<(Bool, Bool)>(
        "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus'), \
         to_regclass('relationship_owners') IS NOT NULL",
    )
    .get_result(conn)?;
    Ok(match (has_citus, is_spread) {
        (true, true) => Layout::CitusRows,
        (true, false) => Layout::CitusSchema,
        (false, _) => Layout::Server,
    })
}
