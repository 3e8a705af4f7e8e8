//! The tables of imports, for diesel; the rest of [`schema`](super::schema).

diesel::table! {
    imports (id) {
        id -> BigInt,
        state -> SmallInt,
        actor_id -> BigInt,
        request_id -> Nullable<Text>,
        options -> Text,
        size -> BigInt,
        created -> BigInt,
        changed -> BigInt,
        moved -> BigInt,
        deleted -> BigInt,
        disabled -> BigInt,
        missing -> BigInt,
        unchanged -> BigInt,
        rejected -> BigInt,
        progress -> BigInt,
        problem -> Nullable<Text>,
        digest -> Nullable<BigInt>,
        applied_pass -> BigInt,
        applied_line -> BigInt,
        attempts -> BigInt,
        version -> BigInt,
        runner -> Nullable<Text>,
        beat -> BigInt,
        created_at -> BigInt,
        read_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    import_chunks (import_id, number) {
        import_id -> BigInt,
        number -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    import_rows (import_id, id) {
        import_id -> BigInt,
        id -> BigInt,
        outcome -> Text,
        line -> Nullable<BigInt>,
        subject -> Text,
        content -> Text,
    }
}
