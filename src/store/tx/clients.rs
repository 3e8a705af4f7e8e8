//! Queries of signing clients and of accounts.

use super::{Tx, ask};
use crate::model::client::{Account, Client, ClientKey, NewClient, SigningClient};
use crate::model::error::Result;
use crate::model::id::{ClientId, ClientKeyId, UserId};
use crate::model::key;
use crate::model::time::Timestamp;
use crate::store::rows::{AccountRow, ClientRow, level_of};

impl Tx<'_> {
    /// The enabled client with that `Api-Id`, if it has a key.
    pub fn signing_client(&mut self, api_id: &str) -> Result<Option<SigningClient>> {
        let rows = ask!(self, clients::keys(api_id))?;
        let Some((id, allows_sha1, _)) = rows.first() else { return Ok(None) };
        let (id, allows_sha1) = (ClientId::new(*id), *allows_sha1);
        let keys = rows.into_iter().map(|(_, _, key)| key).collect();
        Ok(Some(SigningClient { id, allows_sha1, keys }))
    }

    /// The client with that `Api-Id`.
    pub fn client(&mut self, api_id: &str) -> Result<Option<Client>> {
        match ask!(self, clients::find(api_id))? {
            Some(row) => self.with_keys(row).map(Some),
            None => Ok(None),
        }
    }

    /// Clients, by id: at most `limit` of those after `after`.
    pub fn clients(&mut self, after: ClientId, limit: i64) -> Result<Vec<Client>> {
        let rows = ask!(self, clients::list(after.get(), limit))?;
        rows.into_iter().map(|row| self.with_keys(row)).collect()
    }

    fn with_keys(&mut self, row: ClientRow) -> Result<Client> {
        let (id, api_id, name, allows_sha1, is_enabled) = row;
        let key = |(id, public_key, created_at)| ClientKey {
            id: ClientKeyId::new(id),
            public_key,
            created_at: Timestamp::from_micros(created_at),
        };
        let keys = ask!(self, clients::keys_of(id))?.into_iter().map(key).collect();
        Ok(Client { id: ClientId::new(id), data: NewClient { api_id, name, allows_sha1 }, is_enabled, keys })
    }

    /// Stores a client.
    pub fn insert_client(&mut self, client: &NewClient) -> Result<ClientId> {
        let now = self.micros();
        ask!(self, clients::insert(client, now)).map(ClientId::new)
    }

    /// Stores a public key of a client.
    pub fn insert_client_key(&mut self, client: ClientId, public_key: &[u8]) -> Result<ClientKeyId> {
        let now = self.micros();
        ask!(self, clients::insert_key(client.get(), public_key, now)).map(ClientKeyId::new)
    }

    /// Disables a client; `false` if there is none.
    pub fn disable_client(&mut self, api_id: &str) -> Result<bool> {
        ask!(self, clients::disable(api_id)).map(|rows| rows > 0)
    }

    /// Deletes a public key of a client; `false` if there is none.
    pub fn delete_client_key(&mut self, client: ClientId, key: ClientKeyId) -> Result<bool> {
        ask!(self, clients::delete_key(client.get(), key.get())).map(|rows| rows > 0)
    }

    /// Records that a client used a nonce; `false` if it has used it before.
    pub fn use_nonce(&mut self, client: ClientId, nonce: &str) -> Result<bool> {
        let now = self.micros();
        ask!(self, clients::use_nonce(client.get(), nonce, now)).map(|rows| rows > 0)
    }

    /// Whether a client has used a nonce.
    pub fn has_nonce(&mut self, client: ClientId, nonce: &str) -> Result<bool> {
        ask!(self, clients::has_nonce(client.get(), nonce))
    }

    /// Deletes at most `limit` nonces that were used before a time, and returns their number.
    pub fn clear_nonces(&mut self, before: Timestamp, limit: i64) -> Result<usize> {
        ask!(self, clients::clear_nonces(before.micros(), limit))
    }

    /// The account of a user.
    pub fn account(&mut self, user: UserId) -> Result<Option<Account>> {
        Ok(ask!(self, clients::account(user.get()))?.map(account))
    }

    /// The account of the user that a credential names by an address, by the rules of [`key::may_authenticate`].
    pub fn account_of_email(&mut self, email: &str) -> Result<Option<Account>> {
        let rows = if self.is_spread() {
            let holders = self.holders_of_email(email)?.into_iter();
            let accounts = holders.map(|(_, user)| ask!(self, clients::account_with_email(user)));
            accounts.filter_map(Result::transpose).collect::<Result<_>>()?
        } else {
            ask!(self, clients::accounts_of_email(&key::stored_keys_of_email(email)))?
        };
        Ok(key::choose_account(email, rows).map(account))
    }

    /// The account of the only user with an `alt-id`; `None` if there is none, or more than one.
    pub fn account_of_alt_id(&mut self, alt_id: &str) -> Result<Option<Account>> {
        let mut rows = ask!(self, clients::accounts_of_alt_id(alt_id))?;
        let found = rows.pop();
        Ok(found.filter(|_| rows.is_empty()).map(account))
    }
}

fn account((user, level, is_enabled): AccountRow) -> Account {
    Account { user: UserId::new(user), level: level_of(level), is_enabled }
}
