//! Form configurations: how they are read, checked and kept.

pub mod attribute;
pub mod builtin;
pub mod catalogue;
pub mod check;
pub mod definition;
pub mod diagnostics;
pub mod numericality;
pub mod resource;
pub mod validation;
pub mod yaml;
