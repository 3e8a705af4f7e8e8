//! Integration tests: each documented behaviour through real HTTP on both databases.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    clippy::similar_names,
    clippy::wildcard_imports,
    missing_docs,
    reason = "a failing test panics, and the panic has the location"
)]

mod support;

mod admin;
mod allocations;
mod any_input;
mod api_tokens;
mod architecture;
mod auth_schemes;
mod authorization;
mod batched_creates;
mod batched_lists;
mod budgets;
mod client_inputs;
mod clients;
mod commands_without_database;
mod compression;
mod conformance;
mod connections;
mod crash;
mod dashboards;
mod database_problems;
mod deploy;
mod documents;
mod email_addresses;
mod equal_time;
mod error_documents;
mod errors;
mod explorer;
mod failed_logins;
mod forms;
mod forms_bad_input;
mod forms_definitions;
mod forms_idempotency;
mod forms_refusals;
mod forms_rights;
mod forms_sessions;
mod forms_validation;
mod groups_read;
mod groups_related;
mod hidden_records;
mod idempotency;
mod idempotent_replays;
mod identity_scale;
mod image;
mod job_limits;
mod json_logs;
mod jsonapi_cursors;
mod jsonapi_documents;
mod jsonapi_errors;
mod jsonapi_fetching;
mod jsonapi_negotiation;
mod jsonapi_preconditions;
mod jsonapi_queries;
mod jsonapi_writing;
mod jwt_keys;
mod jwt_users;
mod jwts;
mod keys;
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
mod protocol;
mod proxies;
mod public_url;
mod races;
mod rate_limit;
mod readme_tour;
mod refused_writes;
mod regressions;
mod relationship_lists;
mod relationship_type_attributes;
mod relationship_type_roles;
mod relationship_types;
mod relationships;
mod replica_failures;
mod replicas;
mod response_sizes;
mod retired_ids;
mod returned_records;
mod role_changes;
mod role_filters;
mod role_inclusion;
mod role_lists;
mod role_members;
mod role_operations;
mod rolling_update;
mod row_sizes;
mod rule_batches;
mod rule_commands;
mod rule_crash;
mod rule_crash_points;
mod rule_depth;
mod rule_import_model;
mod rule_import_races;
mod rule_imports;
mod rule_model;
mod rule_races;
mod rule_switches;
mod rule_upgrade;
mod rule_writers;
mod rules;
mod search_keys;
mod secrets;
mod security_headers;
mod settings;
mod shared_commits;
mod shell;
mod signatures;
mod signing_guide;
mod skillhive;
mod slow_clients;
mod statements;
mod stored_rules;
mod tags;
mod transfer;
mod transfer_bad_input;
mod transfer_bulk_loads;
mod transfer_plans;
mod transfer_round_trips;
mod transfer_values;
mod traversal;
mod type_commands;
mod type_numbers;
mod unauthenticated;
mod user_changes;
mod user_filters;
mod users;
mod whole_responses;
