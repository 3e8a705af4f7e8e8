//! The tables, for diesel; the same for both databases. `migrations/` creates them.

diesel::table! {
    users (id) {
        id -> BigInt,
        version -> BigInt,
        email -> Text,
        email_key -> Text,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        name_key -> Text,
        access_level -> SmallInt,
        is_enabled -> Bool,
        alt_id -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        profile -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        search_key -> Text,
    }
}

diesel::table! {
    relationship_types (id) {
        id -> SmallInt,
        version -> BigInt,
        name -> Text,
        description -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        user_role -> Nullable<Text>,
        target_role -> Nullable<Text>,
        is_symmetric -> Bool,
        is_acyclic -> Bool,
        max_per_user -> Nullable<SmallInt>,
        managed_by -> Text,
    }
}

diesel::table! {
    relationship_type_locks (type_id) {
        type_id -> SmallInt,
        revision -> BigInt,
    }
}

diesel::table! {
    counts_below (type_id, user_id) {
        type_id -> SmallInt,
        user_id -> BigInt,
        n -> BigInt,
        height -> Integer,
    }
}

diesel::table! {
    user_relationships (id) {
        id -> BigInt,
        version -> BigInt,
        user_id -> BigInt,
        target_id -> BigInt,
        type_id -> SmallInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        created_by -> Nullable<BigInt>,
        updated_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    counts_by_user (user_id, type_id) {
        user_id -> BigInt,
        type_id -> SmallInt,
        n -> BigInt,
    }
}

diesel::table! {
    counts_by_target (target_id, type_id, slot) {
        target_id -> BigInt,
        type_id -> SmallInt,
        slot -> SmallInt,
        n -> BigInt,
    }
}

diesel::table! {
    counts_by_type (type_id, slot) {
        type_id -> SmallInt,
        slot -> SmallInt,
        n -> BigInt,
    }
}

diesel::table! {
    counts_of_users (is_enabled, access_level) {
        is_enabled -> Bool,
        access_level -> SmallInt,
        n -> BigInt,
    }
}

diesel::table! {
    api_tokens (id) {
        id -> BigInt,
        digest -> Binary,
        user_id -> BigInt,
        name -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        is_session -> Bool,
    }
}

diesel::table! {
    groups (id) {
        id -> BigInt,
        version -> BigInt,
        group_type -> Text,
        owner_id -> Nullable<BigInt>,
        properties -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    group_members (id) {
        id -> BigInt,
        version -> BigInt,
        member_type -> Text,
        group_id -> BigInt,
        user_id -> BigInt,
        properties -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    transfers (id) {
        id -> BigInt,
        relationship -> Text,
        take_place -> Bool,
        from_id -> BigInt,
        to_id -> BigInt,
        actor_id -> BigInt,
        moved -> BigInt,
        merged -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    api_clients (id) {
        id -> BigInt,
        api_id -> Text,
        name -> Nullable<Text>,
        allows_sha1 -> Bool,
        is_enabled -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    api_client_keys (id) {
        id -> BigInt,
        client_id -> BigInt,
        public_key -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    api_nonces (client_id, nonce) {
        client_id -> BigInt,
        nonce -> Text,
        seen_at -> BigInt,
    }
}

diesel::table! {
    retired_user_ids (id) {
        id -> BigInt,
    }
}

diesel::table! {
    retired_relationship_ids (slot) {
        slot -> SmallInt,
        last_id -> BigInt,
    }
}

diesel::table! {
    retired_type_ids (id) {
        id -> SmallInt,
        retired_at -> BigInt,
    }
}

diesel::table! {
    computed_data (name) {
        name -> Text,
        version -> BigInt,
    }
}

diesel::table! {
    service_secrets (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    idempotency_keys (caller_id, key) {
        caller_id -> BigInt,
        key -> Text,
        fingerprint -> Binary,
        status -> SmallInt,
        headers -> Text,
        body -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    changes (n) {
        n -> BigInt,
        place -> BigInt,
        at -> BigInt,
        action -> SmallInt,
        subject_type -> SmallInt,
        subject_id -> Nullable<BigInt>,
        user_id -> Nullable<BigInt>,
        target_id -> Nullable<BigInt>,
        relationship -> Nullable<Text>,
        previous_relationship -> Nullable<Text>,
        edge_created_at -> Nullable<BigInt>,
        edge_created_by -> Nullable<BigInt>,
        previous_version -> Nullable<BigInt>,
        previous_updated_at -> Nullable<BigInt>,
        previous_updated_by -> Nullable<BigInt>,
        changed -> Nullable<Text>,
        actor_id -> Nullable<BigInt>,
        request_id -> Nullable<Text>,
        reason -> Nullable<SmallInt>,
    }
}

diesel::table! {
    unnumbered_changes (set_id, place) {
        set_id -> BigInt,
        place -> BigInt,
        at -> BigInt,
        action -> SmallInt,
        subject_type -> SmallInt,
        subject_id -> Nullable<BigInt>,
        user_id -> Nullable<BigInt>,
        target_id -> Nullable<BigInt>,
        relationship -> Nullable<Text>,
        previous_relationship -> Nullable<Text>,
        edge_created_at -> Nullable<BigInt>,
        edge_created_by -> Nullable<BigInt>,
        previous_version -> Nullable<BigInt>,
        previous_updated_at -> Nullable<BigInt>,
        previous_updated_by -> Nullable<BigInt>,
        changed -> Nullable<Text>,
        actor_id -> Nullable<BigInt>,
        request_id -> Nullable<Text>,
        reason -> Nullable<SmallInt>,
    }
}

diesel::table! {
    change_log (id) {
        id -> SmallInt,
        is_on -> Bool,
        last_number -> BigInt,
        last_at -> BigInt,
        horizon_number -> BigInt,
        horizon_at -> BigInt,
        horizon_fingerprint -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(api_tokens, users);
diesel::allow_tables_to_appear_in_same_query!(api_client_keys, api_clients);
diesel::allow_tables_to_appear_in_same_query!(group_members, groups);
