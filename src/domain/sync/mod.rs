//! Brings users and relationships in step with files: what the files no longer name goes.
//!
//! # Design
//! A [`Planner`] reads all lines and what is stored, and writes nothing. Its [`SyncPlan`] says which lines create or change
//! users, which relationships each user loses and gains, in an order in which no step breaks a rule, and which users are
//! missing in the files. What would break a rule in the end is a problem of the plan, so it is known before the first
//! write. Then the lines with users are imported again, [`apply_steps`] replaces the relationships of some users in one
//! transaction, and [`disable()`] disables missing users. Each transaction checks again what it depends on, and a new plan
//! after an interruption has exactly what is left.
//!
//! A plan takes about 100 bytes for each user and relationship of the files, and the data of new and changed users.

mod apply;
mod comparison;
mod differences;
mod disable;
mod limit;
mod missing;
mod plan;
mod planner;
mod preview;
mod violations;

pub use apply::{apply_steps, resolve_new_users};
pub use disable::disable;
pub use limit::{ChangeLimit, Removals};
pub use missing::{MissingChoice, MissingUser};
pub use plan::{EdgeStep, NewEdgeOfStep, SyncPlan, TypeSteps};
pub use planner::{Planner, SyncOptions};
pub use preview::rows_of_steps;
