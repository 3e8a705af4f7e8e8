//! Reads lines and what is stored, and plans what a synchronization does.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::differences::WantedEdge;
use super::limit::Removals;
use super::missing::{self, MissingChoice, MissingUser};
use super::plan::{EdgeStep, SyncPlan};
use crate::domain::transfer::{
    self, ImportLine, ImportOptions, ImportOutcome, LinePlace, NamedReference, PendingRecords, Record,
    RelationshipLine, RowOutcome, UserLine,
};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::key;
use crate::model::relationship_type::TypeName;
use crate::store::Tx;

/// The options of a synchronization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncOptions {
    /// Registers unknown relationship types.
    pub creates_types: bool,
    /// What happens to users that are not in the files.
    pub missing: MissingChoice,
}

/// Plans a synchronization. Lines with users come before the relationships that name them.
#[derive(Debug)]
pub struct Planner {
    options: SyncOptions,
    pub(super) pending: PendingRecords,
    hasher: RandomState,
    /// The hash of the first line of each user, by the hash of the address.
    seen: HashMap<u64, (LinePlace, u64)>,
    /// The first line of each `alt-id`, by its hash.
    alt_ids: HashMap<u64, LinePlace>,
    /// The users that have a line.
    pub(super) people: HashMap<UserId, LinePlace>,
    has_user_lines: bool,
    rejected_users: u64,
    user_lines: HashSet<LinePlace>,
    disablings: u64,
    /// The relationships of the files, by type. The files are the truth for these types.
    wanted: BTreeMap<TypeName, Vec<WantedEdge>>,
    /// The types of columns of people files.
    pub(super) column_types: HashSet<TypeName>,
    /// The lines that create or change types.
    type_lines: Vec<(usize, Vec<ImportLine>)>,
    /// Users of whose relationships of a type a line is rejected, so that these stay as they are.
    pub(super) doubtful: HashSet<(UserId, TypeName)>,
    /// Users that relationships name and that have no line, with the first such line.
    named: HashMap<UserId, LinePlace>,
}

impl Planner {
    /// Begins with the types of columns that become relationships, even if their cells are empty.
    #[must_use]
    pub fn new(options: SyncOptions, types: impl IntoIterator<Item = TypeName>) -> Self {
        let column_types: HashSet<_> = types.into_iter().collect();
        Self {
            options,
            pending: PendingRecords::default(),
            hasher: RandomState::new(),
            seen: HashMap::new(),
            alt_ids: HashMap::new(),
            people: HashMap::new(),
            has_user_lines: false,
            rejected_users: 0,
            user_lines: HashSet::new(),
            disablings: 0,
            wanted: column_types.iter().map(|name| (name.clone(), Vec::new())).collect(),
            column_types,
            type_lines: Vec::new(),
            doubtful: HashSet::new(),
            named: HashMap::new(),
        }
    }

    /// Notes that lines with users cannot be read, so that no user counts as missing.
    pub const fn note_rejected_users(&mut self, lines: u64) {
        self.rejected_users += lines;
        self.has_user_lines |= lines > 0;
    }

    /// Reads lines of one file, and writes nothing. Relationships of lines are counted when the plan is
    /// [finished](Self::finish).
    ///
    /// # Errors
    /// Those of the store. Problems of single lines are in the outcome.
    pub fn add(&mut self, tx: &mut Tx<'_>, source: usize, lines: &[ImportLine]) -> Result<ImportOutcome> {
        let mut outcome = ImportOutcome::default();
        let (mut types, mut users, mut edges) = (Vec::new(), Vec::new(), Vec::new());
        for line in lines {
            match &line.record {
                Record::Type(kind) => types.push((line.number, kind.as_ref())),
                Record::User(user) => users.push((line.number, user.as_ref())),
                Record::Relationship(edge) => edges.push((line.number, edge)),
                other => outcome.reject_unsynchronized(line.number, other),
            }
        }
        if !types.is_empty() {
            let done = transfer::dry_run_types(tx, &types, self.import_options(), &mut self.pending)?;
            if done.types.added + done.types.changed > 0 {
                self.type_lines.push((source, lines.iter().filter(|line| line.record.is_type()).cloned().collect()));
            }
            outcome.append(done);
        }
        if !users.is_empty() {
            self.add_users(tx, source, users, &mut outcome)?;
        }
        if !edges.is_empty() {
            self.add_edges(tx, source, &edges, &mut outcome)?;
        }
        Ok(outcome)
    }

    const fn import_options(&self) -> ImportOptions {
        ImportOptions { creates_types: self.options.creates_types, lists_rows: true, matches_alt_ids: true }
    }

    fn add_users(
        &mut self,
        tx: &mut Tx<'_>,
        source: usize,
        mut lines: Vec<(u64, &UserLine)>,
        outcome: &mut ImportOutcome,
    ) -> Result<()> {
        self.has_user_lines = true;
        lines.retain(|(number, line)| self.is_new(LinePlace { source, line: *number }, line, outcome));
        let (mut done, ids) = transfer::dry_run_users(tx, &lines, self.import_options(), &mut self.pending)?;
        let rejected: HashSet<_> = done.rejected.iter().map(|(number, _)| *number).collect();
        for (number, line) in lines.iter().filter(|(number, _)| !rejected.contains(number)) {
            let Some(&id) = ids.get(&key::of_email(&line.email)) else { continue };
            let place = LinePlace { source, line: *number };
            let first = *self.people.entry(id).or_insert(place);
            if first != place {
                // One of the two names the user by its address, the other by its `alt-id`.
                done.reject_counted_user(*number, format!("`email`: {}", same_person(first)));
            }
        }
        self.rejected_users += done.users.rejected;
        self.disablings += done.disabled;
        let rows = done.rows.iter().flatten().filter(|row| row.outcome != RowOutcome::Rejected);
        self.user_lines.extend(rows.filter_map(|row| Some(LinePlace { source, ..row.place? })));
        outcome.append(done);
        Ok(())
    }

    /// Whether no earlier line has the address or the `alt-id`. One with the same values is skipped, any other is rejected.
    fn is_new(&mut self, place: LinePlace, line: &UserLine, outcome: &mut ImportOutcome) -> bool {
        let person = self.hasher.hash_one(key::of_email(&line.email));
        let values = self.hasher.hash_one(format!("{:?}", (line.id, &line.fields)));
        let (first, known) = *self.seen.entry(person).or_insert((place, values));
        let reason = if first == place {
            let alt_id = line.alt_id().map(|alt_id| self.hasher.hash_one(alt_id));
            let first = alt_id.map_or(place, |alt_id| *self.alt_ids.entry(alt_id).or_insert(place));
            if first == place {
                return true;
            }
            format!("`alt-id`: line {} has it for another e-mail address; keep one of the two lines", first.line)
        } else if known == values {
            outcome.users.unchanged += 1;
            return false;
        } else {
            format!("`email`: {}", same_person(first))
        };
        outcome.users.rejected += 1;
        self.rejected_users += 1;
        outcome.rejected.push((place.line, reason));
        false
    }

    fn add_edges(
        &mut self,
        tx: &mut Tx<'_>,
        source: usize,
        lines: &[(u64, &RelationshipLine)],
        outcome: &mut ImportOutcome,
    ) -> Result<()> {
        let types: BTreeSet<_> = lines.iter().map(|(_, line)| line.data.relationship.clone()).collect();
        let options = self.import_options();
        let (found, done) = transfer::resolve(tx, lines, types, options, &mut self.pending)?;
        for (line, edge) in found.edges {
            let place = LinePlace { source, line };
            for user in [edge.user, edge.target].into_iter().filter(|user| !self.people.contains_key(user)) {
                self.named.entry(user).or_insert(place);
            }
            let wanted = WantedEdge { user: edge.user, target: edge.target, place };
            self.wanted.entry(edge.relationship).or_default().push(wanted);
        }
        self.doubtful.extend(found.doubtful);
        outcome.append(done);
        Ok(())
    }

    /// Reads what is stored, after the last line.
    ///
    /// # Errors
    /// Those of the store.
    pub fn finish(mut self, tx: &mut Tx<'_>) -> Result<SyncPlan> {
        let (new_types, type_lines) = (self.new_types(), std::mem::take(&mut self.type_lines));
        let mut plan = SyncPlan { new_types, type_lines, ..SyncPlan::default() };
        for (name, wanted) in std::mem::take(&mut self.wanted) {
            self.compare(tx, name, wanted, &mut plan)?;
        }
        if self.has_user_lines && self.options.missing != MissingChoice::Keep {
            let is_complete = self.rejected_users == 0;
            let choice = if is_complete { self.options.missing } else { MissingChoice::Report };
            plan.missing = missing::find(tx, &self.people, &self.named, choice)?;
            if !is_complete {
                plan.missing.iter_mut().for_each(MissingUser::note_rejected_lines);
            }
        }
        let disabled = plan.missing.iter().filter(|user| user.is_to_disable).count() as u64;
        let stored = self.people.keys().chain(self.named.keys()).filter(|id| id.get() > 0).count() as u64;
        let considered = if self.options.missing == MissingChoice::Disable { plan.missing.len() as u64 } else { 0 };
        // A user that relationships name may be missing as well.
        let named = plan.missing.iter().filter(|user| self.named.contains_key(&user.id)).count() as u64;
        plan.removals = Removals {
            deletions: plan.types.iter().flat_map(|kind| &kind.steps).map(EdgeStep::deletions).sum(),
            disablings: self.disablings + disabled,
            concerned: stored + considered.saturating_sub(named),
        };
        plan.user_lines = self.user_lines;
        plan.pending = Arc::new(self.pending);
        Ok(plan)
    }

    /// The types of relationships that are not registered and have no line.
    fn new_types(&self) -> Vec<TypeName> {
        let has_line = |name: &TypeName| {
            self.type_lines
                .iter()
                .flat_map(|(_, lines)| lines)
                .any(|line| matches!(&line.record, Record::Type(kind) if kind.name == *name))
        };
        self.pending.types().map(|(name, _)| name).filter(|name| !has_line(name)).cloned().collect()
    }

    /// What is wrong with the users to whom rejected lines refer, each with the number of its line.
    ///
    /// # Errors
    /// Those of the store.
    pub fn complaints_about(&self, tx: &mut Tx<'_>, references: &[NamedReference]) -> Result<Vec<(u64, String)>> {
        transfer::complaints_about_references(tx, references, &self.pending)
    }
}

fn same_person(first: LinePlace) -> String {
    format!("line {} has the same person with other values; keep one of the two lines", first.line)
}
