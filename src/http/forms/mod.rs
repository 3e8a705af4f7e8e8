//! The forms dialect below `/api`: each request names a form configuration, which says what it may contain.

pub mod config;
pub mod creation;
pub mod group_members;
pub mod groups;
pub mod member_by_group_form;
pub mod request;
pub mod responses;
pub mod sessions;
pub mod users;
pub mod validate;
pub mod validation_result;
