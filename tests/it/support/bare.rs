//! Databases without a schema.

use tempfile::TempDir;

use super::cluster::{self, Cluster};
use super::process::sqlite_url;
use super::skip::skip;

/// An address for a database without a schema; the database is dropped with this value.
pub enum Bare {
    /// The folder in which an SQLite file can be created.
    Folder(TempDir),
    /// The name of an empty PostgreSQL database, and its server.
    Database(String, &'static Cluster),
}

impl Bare {
    /// One for each available database.
    pub fn all(name: &str) -> Vec<Self> {
        let mut all = vec![Self::Folder(tempfile::tempdir().expect("a folder"))];
        all.extend(Self::postgres(name, "UTF8"));
        all
    }

    /// The same, never behind a pooler, which a copy refuses as its target.
    pub fn all_direct(name: &str) -> Vec<Self> {
        let mut all = vec![Self::Folder(tempfile::tempdir().expect("a folder"))];
        all.extend(Self::direct(name, "UTF8"));
        all
    }

    /// An empty PostgreSQL database with that encoding; `None` without PostgreSQL.
    pub fn postgres(name: &str, encoding: &str) -> Option<Self> {
        Self::on(cluster::cluster(), name, encoding)
    }

    /// The same, never behind a pooler.
    pub fn direct(name: &str, encoding: &str) -> Option<Self> {
        Self::on(cluster::direct_cluster(), name, encoding)
    }

    fn on(cluster: Result<&'static Cluster, String>, name: &str, encoding: &str) -> Option<Self> {
        let cluster = match cluster {
            Ok(cluster) => cluster,
            Err(reason) => {
                skip(&format!("PostgreSQL: {reason}"));
                return None;
            }
        };
        let name = format!("ur_{}_bare_{name}_{}", std::process::id(), encoding.to_lowercase());
        cluster.create_encoded_database(&name, encoding);
        Some(Self::Database(name, cluster))
    }

    /// Its URL.
    pub fn url(&self) -> String {
        match self {
            Self::Folder(folder) => sqlite_url(&folder.path().join("bare.db")),
            Self::Database(name, cluster) => cluster.url(name),
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        if let Self::Database(name, cluster) = self {
            cluster.drop_database(name);
        }
    }
}
