//! Middleware: what every request passes before and after its handler, from `envelope` (outermost) to `authenticate`.

pub mod access_log;
pub mod authenticate;
pub mod base_path;
pub mod catch_panic;
pub mod compression;
pub mod consistency;
pub mod credentials;
pub mod deadline;
pub mod envelope;
pub mod forwarded;
pub mod metrics;
pub mod rate_limit;
pub mod security_headers;
