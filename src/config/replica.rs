//! `DATABASE_READ_URL`: a replica of `DATABASE_URL`.

use super::raw::RawSettings;
use crate::config::collector::{ProblemCollector, SettingProblem};
use crate::store::url::{DatabaseUrl, PostgresUrl};

/// The name of the setting.
const NAME: &str = "DATABASE_READ_URL";

/// Parses the setting, which is valid only if `DATABASE_URL` is PostgreSQL.
pub(super) fn take(
    collector: &mut ProblemCollector,
    raw: &RawSettings,
    primary: Option<&DatabaseUrl>,
) -> Option<PostgresUrl> {
    let replica = collector.take(NAME, &raw.database_read_url, read).flatten();
    if replica.is_some() && matches!(primary, Some(DatabaseUrl::Sqlite(_))) {
        let detail = "an SQLite file has no replicas; remove this setting, or set `DATABASE_URL` to the PostgreSQL \
                      database that it is a replica of";
        collector.problems.push(SettingProblem { setting: NAME.to_owned(), detail: detail.to_owned() });
    }
    replica
}

/// The setting as `config` shows it, without the password.
pub(super) fn show(replica: Option<&PostgresUrl>) -> String {
    replica.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn read(text: &str) -> Result<Option<PostgresUrl>, String> {
    if text == "none" {
        return Ok(None);
    }
    let other = "only PostgreSQL has replicas; write `postgres://…` or `postgresql://…`, or remove this setting";
    PostgresUrl::parse(text).unwrap_or_else(|| Err(other.to_owned())).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_a_postgresql_database_or_none() {
        assert_eq!(read("none"), Ok(None));
        for good in ["postgres://u@/db?host=/run/pg", "postgresql://a,b/db?load_balance_hosts=random"] {
            assert_eq!(show(read(good).unwrap().as_ref()), good);
        }
        let fault = read("postgres://ann:SECRET/x@h/db").unwrap_err();
        assert!(fault.contains("`%2F`") && !fault.contains("SECRET"), "what is wrong with the URL itself: {fault}");
        for bad in ["sqlite://a.db", "a.db", "mysql://h/d", "sqlite://", "postgres://a\0"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
