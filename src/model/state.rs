//! Fingerprints of stored rows, for entity tags and conditional changes.

use aws_lc_rs::digest::{Context, SHA256};

use super::group::{Group, Member};
use super::handover::Transfer;
use super::id::UserId;
use super::import::{Import, ImportedRow};
use super::relationship::Relationship;
use super::relationship_type::RelationshipType;
use super::user::User;

/// The bytes of a fingerprint: enough that two states never share one by chance.
pub const STATE_BYTES: usize = 16;

/// The fingerprint of a state of a row: a hash of its resource type, id, times and version, and of the members that are
/// computed from other rows. A row that reuses the id of a deleted row has another fingerprint, because its times differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowState([u8; STATE_BYTES]);

impl RowState {
    /// The state of a row.
    #[must_use]
    pub fn of(row: &impl HasState) -> Self {
        let mut context = Context::new(&SHA256);
        row.write_state(&mut |bytes| context.update(bytes));
        Self(context.finish().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// The fingerprint with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; STATE_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes of the fingerprint.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; STATE_BYTES] {
        &self.0
    }
}

/// A stored row that entity tags can identify.
pub trait HasState {
    /// Passes everything that identifies the state of the row to `put`. Each part has a fixed length or a terminator.
    fn write_state(&self, put: &mut impl FnMut(&[u8]));
}

fn write(put: &mut impl FnMut(&[u8]), resource: u8, numbers: &[i64]) {
    put(&[resource]);
    for number in numbers {
        put(&number.to_be_bytes());
    }
}

impl HasState for Relationship {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        let times = (self.created_at.micros(), self.updated_at.micros());
        write(put, b'r', &[self.id.get(), times.0, times.1, self.version]);
    }
}

impl HasState for User {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        let times = (self.created_at.micros(), self.updated_at.micros());
        write(put, b'u', &[self.id.get(), times.0, times.1, self.version, self.is_supervisor.into()]);
    }
}

impl HasState for RelationshipType {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        write(put, b't', &[self.created_at.micros(), self.updated_at.micros(), self.version]);
        put(self.name.as_str().as_bytes());
        put(&[0]);
    }
}

impl HasState for Group {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        // Releases without groups remove an owner without raising the version.
        let owner = self.owner.map_or(0, UserId::get);
        let times = (self.created_at.micros(), self.updated_at.micros());
        write(put, b'g', &[self.id.get(), times.0, times.1, self.version, owner]);
    }
}

impl HasState for Member {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        let times = (self.created_at.micros(), self.updated_at.micros());
        write(put, b'm', &[self.id.get(), times.0, times.1, self.version]);
    }
}

impl HasState for Transfer {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        write(put, b'h', &[self.id.get(), self.created_at.micros()]);
    }
}

impl HasState for Import {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        write(put, b'i', &[self.id.get(), self.created_at.micros(), self.version]);
    }
}

impl HasState for ImportedRow {
    fn write_state(&self, put: &mut impl FnMut(&[u8])) {
        write(put, b'j', &[self.import.get(), self.number, self.line.unwrap_or_default()]);
        for text in [&self.outcome, &self.subject, &self.content] {
            put(text.as_bytes());
            put(&[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::RelationshipId;
    use crate::model::relationship::EdgeData;
    use crate::model::relationship_type::TypeName;
    use crate::model::time::Timestamp;
    use crate::model::user::UserData;

    fn user() -> User {
        User {
            id: UserId::new(1),
            version: 1,
            data: UserData::new("ann@example.com".to_owned()),
            is_supervisor: false,
            created_at: Timestamp::from_micros(5),
            updated_at: Timestamp::from_micros(5),
        }
    }

    #[test]
    fn a_state_differs_by_type_id_creation_version_and_computed_members() {
        let edge = |id: i64, created_at: i64, version: i64| Relationship {
            id: RelationshipId::new(id),
            version,
            user: UserId::new(1),
            target: UserId::new(2),
            data: EdgeData::new(TypeName::parse("mentor").unwrap()),
            created_at: Timestamp::from_micros(created_at),
            updated_at: Timestamp::from_micros(5),
        };
        let edges = [edge(1, 5, 1), edge(2, 5, 1), edge(1, 6, 1), edge(1, 5, 2)];
        let users = [
            user(),
            User { is_supervisor: true, ..user() },
            User { updated_at: Timestamp::from_micros(6), ..user() },
            User { id: UserId::new(2), ..user() },
        ];
        let mut states: Vec<_> = edges.iter().map(RowState::of).chain(users.iter().map(RowState::of)).collect();
        assert_eq!(RowState::of(&edge(1, 5, 1)), states[0], "the same state has the same fingerprint");
        states.sort_unstable_by_key(|state| *state.bytes());
        states.dedup();
        assert_eq!(states.len(), 8);
    }
}
