//! Form configurations and types: reads and checks the YAML files.

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
