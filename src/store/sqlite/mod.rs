//! SQLite: one file, a pool of readers and one writer thread.

pub(super) mod bulk;
mod checkpointer;
pub(super) mod conn;
pub(super) mod copy;
mod dialect;
pub(super) mod engine;
pub(super) mod files;
mod interrupt;
mod permits;
pub(super) mod tables;
pub(super) mod text_index;
mod wal;
mod writer;

#[path = "../queries/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the queries are written once and compiled for both databases")]
pub(super) mod queries;

use conn::{Conn, Db};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::filter::RelationshipFilter;
    use crate::model::id::UserId;
    use crate::model::page::{Bound, PageRequest, Sort, SortKey};
    use crate::store::migrations;
    use crate::store::rows::Shape;
    use crate::store::url::DatabaseUrl;
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;

    #[derive(QueryableByName)]
    struct PreparedStatement {
        #[diesel(sql_type = BigInt)]
        runs: i64,
        #[diesel(sql_type = BigInt)]
        prepared_again: i64,
    }

    #[test]
    fn bound_limits_and_bounds_do_not_force_a_statement_to_be_prepared_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        migrations::run(&DatabaseUrl::Sqlite(path.clone()), true).unwrap();
        let mut conn = conn::connect(&path, false).unwrap();
        let one = |users: &[i64], targets: &[i64], types: Option<Vec<i16>>| {
            let [users, targets] = [users, targets].map(|ids| ids.iter().copied().map(UserId::new).collect());
            (RelationshipFilter { users, targets, ..RelationshipFilter::default() }, types)
        };
        let seen_by_one = RelationshipFilter { seen_by: Some(UserId::new(1)), ..RelationshipFilter::default() };
        let filters = [
            one(&[], &[], None),
            one(&[], &[], Some(vec![1])),
            one(&[1], &[], None),
            one(&[1], &[], Some(vec![1])),
            one(&[], &[1], None),
            one(&[], &[1], Some(vec![1])),
            one(&[1], &[2], None),
            (seen_by_one, None),
        ];
        for (filter, types) in &filters {
            let shape = &Shape { filter, types: types.clone() };
            for turn in 0..20 {
                let slice = PageRequest::window(Sort::default(), turn, 50 - turn);
                queries::relationship_pages::page(&mut conn, shape, &slice).unwrap();
                let after = Some(Bound { place: SortKey::Id(turn), is_inclusive: false });
                queries::relationship_pages::page(&mut conn, shape, &PageRequest { after, ..slice }).unwrap();
            }
        }
        let statements =
            "SELECT run AS runs, reprep AS prepared_again FROM sqlite_stmt WHERE sql LIKE 'SELECT c.total%'";
        let found: Vec<PreparedStatement> = diesel::sql_query(statements).load(&mut conn).unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.runs, it.prepared_again)).collect();
        assert_eq!(found, vec![(20, 0); 2 * filters.len()], "one prepared statement for each shape");
    }
}
