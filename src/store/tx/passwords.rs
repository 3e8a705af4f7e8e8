//! Queries of passwords and sessions.

use super::{Tx, ask};
use crate::model::change::{ChangeAction, ChangeSubject};
use crate::model::error::Result;
use crate::model::id::{TokenId, UserId};
use crate::model::key;
use crate::model::token::Login;
use crate::store::rows::level_of;

impl Tx<'_> {
    /// The user who signs in with an address, by the rules of [`key::may_authenticate`].
    pub fn login_of_email(&mut self, email: &str) -> Result<Option<Login>> {
        let rows = if self.is_spread() {
            let holders = self.holders_of_email(email)?.into_iter();
            let accounts = holders.map(|(_, user)| ask!(self, passwords::account(user)));
            accounts.filter_map(Result::transpose).collect::<Result<_>>()?
        } else {
            ask!(self, passwords::accounts(&key::stored_keys_of_email(email)))?
        };
        let row = key::choose_account(email, rows);
        Ok(row.map(|(user, level, is_enabled, password_hash)| Login {
            user: UserId::new(user),
            level: level_of(level),
            is_enabled,
            password_hash,
        }))
    }

    /// The hash of a user's password; in a write job it is locked against changes.
    pub fn password_of(&mut self, user: UserId) -> Result<Option<String>> {
        if self.is_writing {
            ask!(self, users::lock_row(user.get()))?;
        }
        ask!(self, passwords::hash_of(user.get()))
    }

    /// Stores the hash of a user's password.
    pub fn set_password(&mut self, user: UserId, hash: &str) -> Result<()> {
        let is_set = ask!(self, passwords::set(user.get(), hash))? > 0;
        let subject = ChangeSubject::User(user);
        if !is_set || self.changes.ends_with_created(&subject) {
            return Ok(());
        }
        self.log(ChangeAction::Updated, subject, &["password"])
    }

    /// Ends a session; `false` if the token does not belong to a session.
    pub fn delete_session(&mut self, token: TokenId) -> Result<bool> {
        ask!(self, tokens::delete_session(token.get())).map(|rows| rows > 0)
    }

    /// Ends all sessions of a user, and returns their number, with those that had expired.
    pub fn delete_sessions(&mut self, user: UserId) -> Result<usize> {
        ask!(self, tokens::delete_sessions_of_user(user.get()))
    }

    /// Deletes the expired sessions of a user.
    pub fn delete_expired_sessions(&mut self, user: UserId) -> Result<()> {
        let now = self.micros();
        ask!(self, tokens::delete_expired_sessions_of_user(user.get(), now)).map(drop)
    }
}
