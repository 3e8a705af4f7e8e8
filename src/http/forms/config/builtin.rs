//! The files of the built-in forms and types. `config forms` prints them as a starting point.

/// The name and the text of each file.
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

/// All files as one valid file of several YAML documents, each after a comment with its file name.
#[must_use]
pub fn concatenate() -> String {
    let texts = FILES.map(|(name, text)| format!("# file: {name}\n{text}"));
    texts.join("---\n")
}
