//! The forms dialect: requests that name a form configuration.

pub mod attribute;
pub mod builtin;
pub mod catalogue;
pub mod check;
pub mod definition;
pub mod findings;
pub mod judge;
pub mod member;
pub mod numericality;
pub mod validation;
pub mod verdict;
pub mod yaml;
