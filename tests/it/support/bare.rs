//! Databases without a schema.

use tempfile::TempDir;

use super::cluster;
use super::process::sqlite_url;
use super::skip::skip;

/// An address for a database without a schema; the database is dropped with this value.
pub enum Bare {
    /// The folder in which an SQLite file can be created.
    Folder(TempDir),
    /// The name of an empty PostgreSQL database.
    Database(String),
}

impl Bare {
    /// One for each available database.
    pub fn all(name: &str) -> Vec<Self> {
        let mut all = vec![Self::Folder(tempfile::tempdir().expect("a folder"))];
        all.extend(Self::postgres(name, "UTF8"));
        all
    }

    /// An empty PostgreSQL database with that encoding; `None` without PostgreSQL.
    pub fn postgres(name: &str, encoding: &str) -> Option<Self> {
        let cluster = match cluster::cluster() {
            Ok(cluster) => cluster,
            Err(reason) => {
                skip(&format!("PostgreSQL: {reason}"));
                return None;
            }
        };
        let name = format!("ur_{}_bare_{name}_{}", std::process::id(), encoding.to_lowercase());
        cluster.create_encoded_database(&name, encoding);
        Some(Self::Database(name))
    }

    /// Its URL.
    pub fn url(&self) -> String {
        match self {
            Self::Folder(folder) => sqlite_url(&folder.path().join("bare.db")),
            Self::Database(name) => cluster::cluster().expect("the cluster runs").url(name),
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        if let Self::Database(name) = self
            && let Ok(cluster) = cluster::cluster()
        {
            cluster.drop_database(name);
        }
    }
}
