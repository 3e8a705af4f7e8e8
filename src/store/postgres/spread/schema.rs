//! The tables that only a database with spread rows has; `migrations/citus` creates them.

diesel::table! {
    user_emails (email_key) {
        email_key -> Text,
        user_id -> BigInt,
    }
}

diesel::table! {
    relationship_owners (id) {
        id -> BigInt,
        user_id -> BigInt,
    }
}

diesel::table! {
    relationships_by_target (target_id, id) {
        id -> BigInt,
        version -> BigInt,
        user_id -> BigInt,
        target_id -> BigInt,
        type_id -> SmallInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    relationships_by_type (type_id, id) {
        id -> BigInt,
        version -> BigInt,
        user_id -> BigInt,
        target_id -> BigInt,
        type_id -> SmallInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}
