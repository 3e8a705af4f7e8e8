//! The queries of imports and exports, beside 100,000 users and 150,000 relationships: each uses an index, for any
//! number of records.
//!
//! # Design
//! The recorder of `plans` knows the statements of this test by the ids in them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use user_relationships::model::id::{RelationshipId, UserId};
use user_relationships::model::read_budget::ReadBudget;
use user_relationships::model::relationship::Edge;
use user_relationships::model::relationship_type::TypeName;
use user_relationships::store::Tx;

use super::plans::{ANY_PLAN, ONE_AT_A_TIME, explained, load, record_statements};
use crate::both;
use crate::support::App;
use crate::support::citus::skips_on_spread_rows;
use crate::support::sql::Raw;

/// The index for a query, by the first words of its statement. The primary keys of SQLite have no name.
const INDEXES: [(&str, &str, &str); 9] = [
    ("FROM users WHERE id =", "PRIMARY KEY", "users_pkey"),
    ("FROM users WHERE email_key =", "users_email_key", "users_email_key"),
    ("email_key, id FROM users", "users_email_key", "users_email_key"),
    ("alt_id, id FROM users", "users_by_alt_id", "users_by_alt_id"),
    // All users of this test have one name, so that PostgreSQL may also find them by id.
    ("email FROM users WHERE name_key =", "users_by_name", "Index Scan using users_"),
    // For an average owner PostgreSQL may also use the index by owner and type, which holds the target.
    ("JOIN user_relationships AS r ON", "user_relationships_identity", "Index Only Scan using user_relationships_"),
    ("FROM user_relationships WHERE id =", "PRIMARY KEY", "user_relationships_pkey"),
    ("FROM users WHERE id >", "PRIMARY KEY", "users_pkey"),
    ("FROM user_relationships WHERE id >", "PRIMARY KEY", "user_relationships_pkey"),
];

/// Statements about ids from 97,000 on, without their values, and one example of the values.
pub static SEEN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Keeps a statement if it belongs to this test.
pub fn note(text: &str) {
    if let Some((statement, binds)) = text.split_once(" -- binds: ")
        && ["[97", "[\"[97", "u97", "x97"].iter().any(|mark| binds.contains(mark))
    {
        SEEN.lock().expect("the list").insert(statement.to_owned(), binds.to_owned());
    }
}

fn ask_everything(app: &App) {
    app.write(|tx: &mut Tx<'_>| {
        let users = [UserId::new(97_000), UserId::new(97_001)];
        let emails = ["u97000@example.org".to_owned(), "u97001@example.org".to_owned()];
        assert_eq!(tx.many_users(&users)?.len(), 2);
        assert_eq!(tx.many_existing_users(&users)?.len(), 2);
        assert_eq!(tx.many_users_of_emails(&emails)?.len(), 2);
        assert_eq!(tx.many_ids_of_emails(&emails)?.len(), 2);
        assert_eq!(tx.many_ids_of_alt_ids(&["x97".to_owned()])?.len(), 0);
        assert_eq!(tx.many_emails(&users)?.len(), 2);
        tx.users_of_name_after("u97 ray", UserId::new(0), 10)?;
        let edges = tx.many_relationships(&[RelationshipId::new(97_000), RelationshipId::new(97_001)])?;
        assert_eq!(edges.len(), 2);
        let relationship = TypeName::parse("mentor").expect("a name");
        let edge = Edge { user: UserId::new(97_000), target: UserId::new(97_001), relationship };
        assert!(tx.existing_edges(&[edge])?.is_empty());
        assert_eq!(tx.users_after(UserId::new(97_000), 10, ReadBudget::for_answer(true), false)?.len(), 10);
        assert_eq!(tx.relationships_after(RelationshipId::new(97_000), 10)?.len(), 10);
        Ok(())
    });
}

/// The plans of a statement: on PostgreSQL for these values and generic.
fn plans(app: &App, statement: &str) -> Vec<String> {
    let (types, values) = match () {
        () if statement.contains("name_key") => ("(text, bigint, bigint)", "'u97 ray', 0, 10"),
        () if statement.contains("unnest") => ("(bigint[], bigint[], smallint[])", "'{97000}', '{97001}', '{3}'"),
        () if statement.contains("id > ") => ("(bigint, bigint)", "97000, 10"),
        () if statement.contains(" id = ANY") => ("(bigint[])", "'{97000,97001}'"),
        () => ("(text[])", "'{u97000@example.org,u97001@example.org}'"),
    };
    explained(app, statement, types, values, &ANY_PLAN)
}

fn check(app: &App) {
    app.admin();
    load(app);
    SEEN.lock().expect("the list").clear();
    ask_everything(app);
    let seen = std::mem::take(&mut *SEEN.lock().expect("the list"));
    let is_sqlite = matches!(Raw::connect(&app.config.database_url), Raw::Sqlite(_));
    let mut met = 0;
    for (statement, binds) in &seen {
        let alike = statement.replace(" INDEXED BY users_by_name", "");
        let alike = alike.replace(" IN (SELECT value FROM json_each(?))", " = ").replace(" IN (?, ?)", " = ");
        let found = INDEXES.iter().find(|(part, ..)| alike.contains(part));
        let (_, on_sqlite, on_postgres) = found.unwrap_or_else(|| panic!("no index for {statement} {binds}"));
        met += 1;
        for plan in plans(app, statement) {
            let index = if is_sqlite { on_sqlite } else { on_postgres };
            assert!(plan.contains(index), "{index} is not used\n{plan}\n{statement}");
            let is_whole = |line: &str| {
                line.contains("Seq Scan")
                    || line.starts_with("SCAN u") && !line.contains("USING")
                    || line.contains("TEMP B-TREE")
                    || line.contains("Sort")
            };
            assert!(!plan.lines().any(is_whole), "{plan}\n{statement}");
        }
    }
    assert_eq!(met, 11, "{seen:#?}");
}

both!(every_query_of_imports_and_exports_uses_an_index, |config| { record_statements(config) }, |app| {
    if skips_on_spread_rows("the test reads plans of one server") {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock();
    check(app);
});
