//! What the service promises, each promise tried through real HTTP on both databases.

mod support;

mod thin;
