//! The forms dialect: requests that name a form configuration.

pub mod answer;
pub mod call;
pub mod config;
pub mod groups;
pub mod member;
pub mod members;
pub mod sessions;
pub mod users;
pub mod validate;
pub mod validation_result;
