//! `DATABASE_URL` and `DATABASE_READ_URL`, or files that contain them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::raw::RawSettings;
use crate::config::collector::{ProblemCollector, SettingProblem};
use crate::store::url::{DatabaseUrl, PostgresUrl};

/// The largest file, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The databases of the service.
pub(super) struct Databases {
    /// The primary; `None` if it is invalid.
    pub primary: Option<DatabaseUrl>,
    pub primary_file: Option<PathBuf>,
    pub replica: Option<PostgresUrl>,
    pub replica_file: Option<PathBuf>,
}

/// A setting that is a URL, or the path of a file with the URL.
struct UrlSetting<'r> {
    variable: &'static str,
    text: &'r str,
    file_variable: &'static str,
    path: &'r str,
}

/// Parses the settings. A replica is valid only if the primary is PostgreSQL.
pub(super) fn take(collector: &mut ProblemCollector, raw: &RawSettings) -> Databases {
    let primary = UrlSetting {
        variable: "DATABASE_URL",
        text: &raw.database_url,
        file_variable: "DATABASE_URL_FILE",
        path: &raw.database_url_file,
    };
    let replica = UrlSetting {
        variable: "DATABASE_READ_URL",
        text: &raw.database_read_url,
        file_variable: "DATABASE_READ_URL_FILE",
        path: &raw.database_read_url_file,
    };
    let (primary, primary_file) = primary.take(collector, DatabaseUrl::parse);
    let (replica, replica_file) = replica.take(collector, parse_replica);
    let replica = replica.flatten();
    if replica.is_some() && matches!(primary, Some(DatabaseUrl::Sqlite(_))) {
        let detail = "an SQLite file has no replicas; remove this setting, or set `DATABASE_URL` to the PostgreSQL \
                      database that it is a replica of";
        let setting = if replica_file.is_some() { "DATABASE_READ_URL_FILE" } else { "DATABASE_READ_URL" };
        collector.problems.push(SettingProblem { setting: setting.to_owned(), detail: detail.to_owned() });
    }
    Databases { primary, primary_file, replica, replica_file }
}

impl UrlSetting<'_> {
    /// The value, and the path of its file if it comes from one.
    fn take<T>(
        &self,
        collector: &mut ProblemCollector,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> (Option<T>, Option<PathBuf>) {
        let is_set = |text: &str| !["", "none"].contains(&text.trim());
        if !is_set(self.path) {
            return (collector.take(self.variable, self.text, parse), None);
        }
        if is_set(self.text) {
            let detail = format!("only one of `{}` and `{}` can be set", self.variable, self.file_variable);
            collector.problems.push(SettingProblem { setting: self.file_variable.to_owned(), detail });
        }
        let read = |path: &str| {
            let value = read_url(Path::new(path)).and_then(|url| parse(&url));
            value.map(|value| (value, PathBuf::from(path))).map_err(|reason| format!("`{path}`: {reason}"))
        };
        collector.take(self.file_variable, self.path, read).unzip()
    }
}

/// The only line of a file, without surrounding spaces.
fn read_url(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("the file has more than {MAX_FILE_BYTES} bytes; write a URL and nothing else"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8")?;
    match text.trim_start_matches('\u{feff}').trim() {
        "" => Err("the file is empty; write a URL and nothing else".to_owned()),
        url if url.contains(char::is_control) => {
            Err("the file has several lines; write a URL and nothing else".to_owned())
        }
        url => Ok(url.to_owned()),
    }
}

/// The path of a file as `config` shows it.
pub(super) fn show_file(path: Option<&PathBuf>) -> String {
    path.map_or_else(|| "none".to_owned(), |path| path.display().to_string())
}

/// The replica as `config` shows it, without the password.
pub(super) fn show_replica(replica: Option<&PostgresUrl>) -> String {
    replica.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn parse_replica(text: &str) -> Result<Option<PostgresUrl>, String> {
    if text == "none" {
        return Ok(None);
    }
    let other = "only PostgreSQL has replicas; write `postgres://…` or `postgresql://…`, or remove this setting";
    PostgresUrl::parse(text).unwrap_or_else(|| Err(other.to_owned())).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_replica_is_a_postgresql_database_or_none() {
        assert_eq!(parse_replica("none"), Ok(None));
        for good in ["postgres://u@/db?host=/run/pg", "postgresql://a,b/db?load_balance_hosts=random"] {
            assert_eq!(show_replica(parse_replica(good).unwrap().as_ref()), good);
        }
        let fault = parse_replica("postgres://ann:SECRET/x@h/db").unwrap_err();
        assert!(fault.contains("`%2F`") && !fault.contains("SECRET"), "what is wrong with the URL itself: {fault}");
        for bad in ["sqlite://a.db", "a.db", "mysql://h/d", "sqlite://", "postgres://a\0"] {
            assert!(parse_replica(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_content_of_a_file_is_one_trimmed_line(before in "[ \t\r\n]{0,3}", line in "[!-~]{1,20}", after in "[ \t\r\n]{0,3}") {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), format!("{before}{line}{after}")).unwrap();
            prop_assert_eq!(read_url(file.path()), Ok(line));
        }

        #[test]
        fn any_content_is_read_without_a_panic(noise: Vec<u8>) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &noise).unwrap();
            let url = read_url(file.path());
            prop_assert!(url.is_err() || !url.unwrap().trim().is_empty());
        }
    }
}
