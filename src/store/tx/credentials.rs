//! Queries of API tokens.

use super::{Tx, ask};
use crate::model::error::Result;
use crate::model::id::{TokenId, UserId};
use crate::model::time::Timestamp;
use crate::model::token::{Digest, NewToken, Token, TokenOwner};
use crate::store::rows::level_of;

impl Tx<'_> {
    /// The token with that digest, and its owner.
    pub fn token_owner(&mut self, digest: &Digest) -> Result<Option<TokenOwner>> {
        let row = ask!(self, tokens::owner(digest))?;
        Ok(row.map(|(token, expires_at, last_used_at, user, level, is_enabled)| TokenOwner {
            token: TokenId::new(token),
            expires_at: expires_at.map(Timestamp::from_micros),
            last_used_at: last_used_at.map(Timestamp::from_micros),
            user: UserId::new(user),
            level: level_of(level),
            is_enabled,
        }))
    }

    /// Tokens, by id: at most `limit` of those after `after`.
    pub fn tokens(&mut self, after: TokenId, limit: i64) -> Result<Vec<Token>> {
        let rows = ask!(self, tokens::list(after.get(), limit))?;
        let token = |(id, email, name, expires_at, last_used_at): (_, _, _, Option<i64>, Option<i64>)| Token {
            id: TokenId::new(id),
            email,
            name,
            expires_at: expires_at.map(Timestamp::from_micros),
            last_used_at: last_used_at.map(Timestamp::from_micros),
        };
        Ok(rows.into_iter().map(token).collect())
    }

    /// Stores a token.
    pub fn insert_token(&mut self, token: &NewToken) -> Result<TokenId> {
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
