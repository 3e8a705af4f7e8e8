//! Queries of API tokens.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::id::{TokenId, UserId};
use crate::model::time::Timestamp;
use crate::model::token::{Digest, NewToken, Token, TokenOwner};
use crate::store::rows::{TokenRow, level_of};
use crate::store::sqlite::queries::tokens::OwnerRow;

impl Tx<'_> {
    /// The token with that digest, and its owner.
    pub fn token_owner(&mut self, digest: &Digest) -> Result<Option<TokenOwner>> {
        let row = if self.is_spread() { self.spread_token_owner(digest)? } else { ask!(self, tokens::owner(digest))? };
        Ok(row.map(|(token, expires_at, last_used_at, user, level, is_enabled)| TokenOwner {
            token: TokenId::new(token),
            expires_at: expires_at.map(Timestamp::from_micros),
            last_used_at: last_used_at.map(Timestamp::from_micros),
            user: UserId::new(user),
            level: level_of(level),
            is_enabled,
        }))
    }

    /// The same where the token and its owner are on different nodes.
    fn spread_token_owner(&mut self, digest: &Digest) -> Result<Option<OwnerRow>> {
        let Some((token, expires_at, last_used_at, user)) = ask!(self, tokens::find(digest))? else { return Ok(None) };
        let account = ask!(self, clients::account(user))?;
        Ok(account.map(|(user, level, is_enabled)| (token, expires_at, last_used_at, user, level, is_enabled)))
    }

    /// Tokens, by id: at most `limit` of those after `after`.
    pub fn tokens(&mut self, after: TokenId, limit: i64) -> Result<Vec<Token>> {
        let rows = ask!(self, tokens::list(after.get(), limit))?;
        Ok(rows.into_iter().map(Token::from).collect())
    }

    /// Tokens of sessions that have not ended, of one user or of all, by id: at most `limit` of those after `after`.
    pub fn sessions(&mut self, user: Option<UserId>, after: TokenId, limit: i64) -> Result<Vec<Token>> {
        let now = self.micros();
        let rows = ask!(self, tokens::sessions((after.get(), limit), user.map(UserId::get), now))?;
        Ok(rows.into_iter().map(Token::from).collect())
    }

    /// How many valid tokens of a user belong to sessions, or do not.
    pub fn count_tokens(&mut self, user: UserId, is_session: bool) -> Result<i64> {
        let now = self.micros();
        ask!(self, tokens::count_of_user(user.get(), is_session, now))
    }

    /// Stores a token.
    pub fn insert_token(&mut self, token: &NewToken) -> Result<TokenId> {
        self.keep_referenced_user(token.user)?;
        let now = self.micros();
        ask!(self, tokens::insert(token, now)).map(TokenId::new)
    }

    /// Records that a token was used now.
    pub fn record_token_use(&mut self, id: TokenId) -> Result<()> {
        let now = self.micros();
        ask!(self, tokens::record_use(id.get(), now)).map(drop)
    }

    /// Deletes a token; `false` if there is none.
    pub fn delete_token(&mut self, id: TokenId) -> Result<bool> {
        ask!(self, tokens::delete(id.get())).map(|rows| rows > 0)
    }
}

impl From<TokenRow> for Token {
    fn from((id, (user, email), name, (created_at, expires_at, last_used_at), is_session): TokenRow) -> Self {
        Self {
            id: TokenId::new(id),
            user: UserId::new(user),
            email,
            name,
            created_at: Timestamp::from_micros(created_at),
            expires_at: expires_at.map(Timestamp::from_micros),
            last_used_at: last_used_at.map(Timestamp::from_micros),
            is_session,
        }
    }
}
