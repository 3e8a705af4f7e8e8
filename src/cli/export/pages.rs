//! Reads everything from one snapshot, in pages of limited size.

use std::sync::mpsc::SyncSender;

use crate::files::record::RecordKind;
use crate::model::error::Result;
use crate::model::filter::{RelationshipFilter, UserFilter};
use crate::model::group::{Group, Member};
use crate::model::id::{GroupId, MemberId, RelationshipId, UserId};
use crate::model::page::PageRequest;
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::Relationship;
use crate::model::relationship_type::RelationshipType;
use crate::model::user::User;
use crate::store::Tx;

/// The relationships of a page.
const RELATIONSHIPS_PER_PAGE: i64 = 2_000;
/// The users of a page.
const USERS_PER_PAGE: i64 = 500;
/// The most bytes of the users of a page, whose properties take up to sixteen times that in memory.
const USER_BYTES: usize = 1 << 20;
/// The types of a page.
const TYPES_PER_PAGE: i64 = 500;
/// The groups or memberships of a page; each can have 64 KiB.
const GROUPS_PER_PAGE: i64 = 100;

/// A part of the data.
pub enum ExportPage {
    /// The number of rows.
    Total(i64),
    Types(Vec<RelationshipType>),
    Users(Vec<User>),
    Relationships(Vec<Relationship>),
    Groups(Vec<Group>),
    Members(Vec<Member>),
}

/// What is read.
#[derive(Debug, Clone)]
pub struct ExportPlan {
    /// The kinds of records.
    pub kinds: Vec<RecordKind>,
    /// Whether the number of subordinates decides on `is-supervisor`, which only documents have.
    pub has_supervisors: bool,
}

/// Whether the writer still receives.
type IsReceiving = bool;

/// Sends all pages of one kind.
type SendPages = fn(&mut Tx<'_>, &SyncSender<ExportPage>, &ExportPlan) -> Result<IsReceiving>;

/// Sends all pages, as long as the writer receives them: types, users, groups, memberships, relationships, each by id.
pub fn read(tx: &mut Tx<'_>, sender: &SyncSender<ExportPage>, plan: &ExportPlan) -> Result<()> {
    let total = total(tx, plan)?;
    if sender.send(ExportPage::Total(total)).is_err() {
        return Ok(());
    }
    let steps: [(RecordKind, SendPages); 5] = [
        (RecordKind::Type, send_types),
        (RecordKind::User, send_users),
        (RecordKind::Group, send_groups),
        (RecordKind::Member, send_members),
        (RecordKind::Relationship, send_relationships),
    ];
    for (kind, send) in steps {
        if plan.kinds.contains(&kind) && !send(tx, sender, plan)? {
            break;
        }
    }
    Ok(())
}

fn total(tx: &mut Tx<'_>, plan: &ExportPlan) -> Result<i64> {
    let nothing = PageRequest { limit: 0, ..PageRequest::default() };
    let (groups, members) = tx.group_totals()?;
    let mut total = 0;
    for kind in &plan.kinds {
        total += match kind {
            RecordKind::Type => tx.types(0, 1)?.total,
            RecordKind::User => {
                let filter = UserFilter { enabled: vec![true, false], ..UserFilter::default() };
                tx.users(&filter, &nothing, &mut ReadBudget::for_answer(false))?.total
            }
            RecordKind::Relationship => tx.relationships(&RelationshipFilter::default(), &nothing)?.total,
            RecordKind::Group => groups,
            RecordKind::Member => members,
        };
    }
    Ok(total)
}

fn send_types(tx: &mut Tx<'_>, sender: &SyncSender<ExportPage>, _plan: &ExportPlan) -> Result<IsReceiving> {
    let mut offset = 0;
    loop {
        let types = tx.types(offset, TYPES_PER_PAGE)?.items;
        if types.is_empty() {
            return Ok(true);
        }
        offset += TYPES_PER_PAGE;
        if sender.send(ExportPage::Types(types)).is_err() {
            return Ok(false);
        }
    }
}

/// Sends the rows of one kind, in pages. `read` returns the first rows after an id, and `id` is that of a row.
fn send_by_id<T, I: Copy>(
    sender: &SyncSender<ExportPage>,
    mut last: I,
    mut read: impl FnMut(I) -> Result<Vec<T>>,
    id: fn(&T) -> I,
    page: fn(Vec<T>) -> ExportPage,
) -> Result<IsReceiving> {
    loop {
        let rows = read(last)?;
        let Some(row) = rows.last() else { return Ok(true) };
        last = id(row);
        if sender.send(page(rows)).is_err() {
            return Ok(false);
        }
    }
}

fn send_users(tx: &mut Tx<'_>, sender: &SyncSender<ExportPage>, plan: &ExportPlan) -> Result<IsReceiving> {
    let budget = ReadBudget::of_bytes(USER_BYTES);
    let read = |last| tx.users_after(last, USERS_PER_PAGE, budget, plan.has_supervisors);
    send_by_id(sender, UserId::new(0), read, |user| user.id, ExportPage::Users)
}

fn send_relationships(tx: &mut Tx<'_>, sender: &SyncSender<ExportPage>, _plan: &ExportPlan) -> Result<IsReceiving> {
    let read = |last| tx.relationships_after(last, RELATIONSHIPS_PER_PAGE);
    send_by_id(sender, RelationshipId::new(0), read, |relationship| relationship.id, ExportPage::Relationships)
}

fn send_groups(tx: &mut Tx<'_>, sender: &SyncSender<ExportPage>, _plan: &ExportPlan) -> Result<IsReceiving> {
    let read = |last| tx.groups_after(last, GROUPS_PER_PAGE);
    send_by_id(sender, GroupId::new(0), read, |group| group.id, ExportPage::Groups)
}

fn send_members(tx: &mut Tx<'_>, sender: &SyncSender<ExportPage>, _plan: &ExportPlan) -> Result<IsReceiving> {
    let read = |last| tx.group_members_after(last, GROUPS_PER_PAGE);
    send_by_id(sender, MemberId::new(0), read, |member| member.id, ExportPage::Members)
}
