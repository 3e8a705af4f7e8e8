//! The forms dialect: requests that name a form configuration.

pub mod answer;
pub mod attribute;
pub mod builtin;
pub mod call;
pub mod catalogue;
pub mod check;
pub mod definition;
pub mod findings;
pub mod groups;
pub mod judge;
pub mod member;
pub mod members;
pub mod numericality;
pub mod resource;
pub mod sessions;
pub mod users;
pub mod validation;
pub mod verdict;
pub mod yaml;
