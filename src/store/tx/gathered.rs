//! Questions of many callers at once, which PostgreSQL alone is asked: on SQLite nothing is gathered like this.

use std::sync::Arc;

use super::{AnyConnection, Tx};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::page::Page;
use crate::model::relationship::{End, Relationship};
use crate::store::gatherer::{Create, List};
use crate::store::postgres::{gathered_creates, gathered_lists};
use gathered_lists::Wanted;

impl Tx<'_> {
    /// Stores and counts all that nothing stands in the way of, no two alike; the rows come in any order.
    pub(in crate::store) fn insert_gathered(&mut self, asked: &[&Create]) -> Result<Vec<Relationship>> {
        if asked.iter().any(|asked| self.types.id_of(&asked.edge.relationship).is_none()) {
            self.read_types()?;
            // Nothing was written yet, so that this is what others see too.
            self.shared.types.put(Arc::clone(&self.types));
        }
        let now = self.micros();
        let new = |asked: &&Create| {
            let Create { edge, author } = asked;
            let kind = self.types.id_of(&edge.relationship)?;
            Some((edge.user.get(), edge.target.get(), kind, author.map(UserId::get)))
        };
        let new: Vec<gathered_creates::New> = asked.iter().filter_map(new).collect();
        let rows = match &mut self.link {
            AnyConnection::Postgres(conn) if !new.is_empty() => gathered_creates::insert(conn, &new, now),
            AnyConnection::Postgres(_) | AnyConnection::Sqlite(_) => Ok(Vec::new()),
        };
        let rows = rows.map_err(|error| self.note(&error))?;
        rows.into_iter().map(|row| self.relationship_of(row)).collect()
    }

    /// The pages of some lists, in their order: one statement for each end, with a type or without. Left out is what
    /// only an ordinary job can be sure of: a type that is not known here, and a list of one that finds nothing,
    /// because another instance may have deleted the type and registered it anew.
    pub(in crate::store) fn gathered_lists(&mut self, asked: &[&List]) -> Result<Vec<Option<Page<Relationship>>>> {
        let mut pages: Vec<_> = asked.iter().map(|_| None).collect();
        for (end, is_of_a_type) in [(End::User, false), (End::User, true), (End::Target, false), (End::Target, true)] {
            let mut places = Vec::new();
            let mut wanted = Wanted::default();
            for (place, list) in asked.iter().enumerate() {
                if list.end != end || list.relationship.is_some() != is_of_a_type {
                    continue;
                }
                if let Some(name) = &list.relationship {
                    let Some(kind) = self.types.id_of(name) else { continue };
                    wanted.types.push(kind);
                }
                wanted.ids.push(list.id.get());
                wanted.offsets.push(list.offset);
                wanted.limits.push(list.limit);
                places.push(place);
            }
            if places.is_empty() {
                continue;
            }
            let read = match &mut self.link {
                AnyConnection::Postgres(conn) => gathered_lists::pages(conn, end, wanted),
                AnyConnection::Sqlite(_) => Ok(Vec::new()),
            };
            let read = read.map_err(|error| self.note(&error))?;
            for (place, (total, rows)) in places.into_iter().zip(read) {
                if is_of_a_type && total == 0 {
                    continue;
                }
                let items = rows.into_iter().map(|row| self.relationship_of(row)).collect::<Result<_>>()?;
                if let Some(page) = pages.get_mut(place) {
                    *page = Some(Page::whole(items, total));
                }
            }
        }
        Ok(pages)
    }
}
