//! The built-in forms and types, as files that a user can start from.

/// Each file with its text.
pub const FILES: [(&str, &str); 12] = [
    ("create_user.yml", include_str!("builtin/create_user.yml")),
    ("update_user.yml", include_str!("builtin/update_user.yml")),
    ("create_session.yml", include_str!("builtin/create_session.yml")),
    ("delete_session.yml", include_str!("builtin/delete_session.yml")),
    ("relationship_create.yml", include_str!("builtin/relationship_create.yml")),
    ("relationship_update.yml", include_str!("builtin/relationship_update.yml")),
    ("relationship_delete.yml", include_str!("builtin/relationship_delete.yml")),
    ("relationship_user_create.yml", include_str!("builtin/relationship_user_create.yml")),
    ("relationship_user_update.yml", include_str!("builtin/relationship_user_update.yml")),
    ("relationship_user_delete.yml", include_str!("builtin/relationship_user_delete.yml")),
    ("special_group.yml", include_str!("builtin/special_group.yml")),
    ("special_group_users.yml", include_str!("builtin/special_group_users.yml")),
];

/// All files as one, which could stand in a folder as it is: documents of YAML, each behind a line with the name of
/// its file.
#[must_use]
pub fn as_one() -> String {
    let texts = FILES.map(|(name, text)| format!("# file: {name}\n{text}"));
    texts.join("---\n")
}
