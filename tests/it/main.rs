//! What the service promises, each promise tried through real HTTP on both databases.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    clippy::similar_names,
    clippy::wildcard_imports,
    missing_docs,
    reason = "a test that is surprised fails, and says where"
)]

mod support;

mod admin;
mod allocations;
mod answer_sizes;
mod architecture;
mod audit;
mod authorization;
mod bearer_keys;
mod bearers;
mod budgets;
mod clients;
mod compression;
mod conformance;
mod connections;
mod crash;
mod credentials;
mod dashboards;
mod deploy;
mod equal_time;
mod error_documents;
mod errors;
mod explorer;
mod forms;
mod forms_bad_input;
mod forms_definitions;
mod forms_refusals;
mod forms_rights;
mod forms_sessions;
mod forms_validation;
mod gathered_creates;
mod gathered_lists;
mod gathering;
mod groups_around;
mod groups_read;
mod hostile;
mod idempotency;
mod idempotent_replays;
mod identity_scale;
mod image;
mod job_limits;
mod json_only;
mod jsonapi_cursors;
mod jsonapi_documents;
mod jsonapi_errors;
mod jsonapi_fetching;
mod jsonapi_negotiation;
mod jsonapi_preconditions;
mod jsonapi_queries;
mod jsonapi_writing;
mod keys;
mod limits;
mod limits_table;
mod links;
mod logs;
mod metrics;
mod migrations;
mod model;
mod network;
mod openapi;
mod operation_limits;
mod operations;
mod outages;
mod panics;
mod plans;
mod policy;
mod postgres_limits;
mod private_files;
mod program;
mod protection;
mod protocol;
mod proxies;
mod races;
mod refusals;
mod relationship_lists;
mod relationship_types;
mod relationships;
mod replica_failures;
mod replicas;
mod retired_ids;
mod rolling;
mod row_sizes;
mod schemes;
mod secrets;
mod shell;
mod signatures;
mod signing_guide;
mod skillhive;
mod slow_clients;
mod slowdown;
mod statements;
mod strangers;
mod suspects;
mod tags;
mod transfer;
mod transfer_bad_input;
mod transfer_loads;
mod transfer_plans;
mod transfer_rounds;
mod type_numbers;
mod user_changes;
mod users;
