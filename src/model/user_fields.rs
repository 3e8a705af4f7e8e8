//! The macro that turns the table of user attributes into types.

/// Makes `Field`, `UserData`, `Profile` and `ListedProfile` of a table with a row for each attribute, in the order of
/// documents. A row has the field, its column or place in the profile, its type there, its name in documents and files,
/// its kind, and who may write it.
macro_rules! user_fields {
    (
        computed { $first_computed:literal }
        columns { $($(#[$first_doc:meta])* $first:ident = $first_place:ident: $first_type:ty, $first_member:literal, $first_kind:expr, $first_writer:ident;)* }
        profile { $($(#[$doc:meta])* $field:ident = $place:ident: $type:ty, $member:literal, $kind:expr, $writer:ident;)* }
        columns { $($(#[$last_doc:meta])* $last:ident = $last_place:ident: $last_type:ty, $last_member:literal, $last_kind:expr, $last_writer:ident;)* }
        computed { $($computed:literal)* }
        relationships { $($relationship:literal)* }
    ) => {
        /// The names of all attributes and relationships of a user, in the order of documents.
        pub const USER_MEMBERS: &[&str] = &[
            $first_computed, $($first_member,)* $($member,)* $($last_member,)* $($computed,)* $($relationship,)*
        ];
        /// The attributes that the service computes. Requests and files may contain them, because clients send whole
        /// records back; their values are ignored.
        pub const COMPUTED_ATTRIBUTES: &[&str] = &[$first_computed, $($computed,)*];
        /// The relationships of a user.
        pub const USER_RELATIONSHIP_MEMBERS: &[&str] = &[$($relationship,)*];

        /// An attribute of a user that clients can write.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Field {
            $($(#[$first_doc])* $first,)*
            $($(#[$doc])* $field,)*
            $($(#[$last_doc])* $last,)*
        }

        impl Field {
            /// Every field, in the order of documents.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$first,)* $(Self::$field,)* $(Self::$last,)*];
            /// The number of fields.
            pub const COUNT: usize = [$($first_member,)* $($member,)* $($last_member,)*].len();

            /// The name of the field in documents and files.
            #[must_use]
            pub const fn member(self) -> &'static str {
                match self {
                    $(Self::$first => $first_member,)*
                    $(Self::$field => $member,)*
                    $(Self::$last => $last_member,)*
                }
            }

            /// What the field can hold.
            #[must_use]
            pub const fn kind(self) -> FieldKind {
                match self {
                    $(Self::$first => $first_kind,)*
                    $(Self::$field => $kind,)*
                    $(Self::$last => $last_kind,)*
                }
            }

            /// Who may write the field.
            #[must_use]
            pub const fn writer(self) -> FieldWriter {
                match self {
                    $(Self::$first => FieldWriter::$first_writer,)*
                    $(Self::$field => FieldWriter::$writer,)*
                    $(Self::$last => FieldWriter::$last_writer,)*
                }
            }

            /// Whether the field is stored in the profile, whose size is limited as a whole.
            #[must_use]
            pub const fn is_in_profile(self) -> bool {
                matches!(self, $(Self::$field)|*)
            }
        }

        /// The fields of a user that are stored together, as one JSON object.

        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Profile {
            $($(#[$doc])* #[serde(skip_serializing_if = "FieldStorage::is_absent")] pub $place: $type,)*
            /// The properties that forms store beyond the fields.
            #[serde(skip_serializing_if = "Properties::is_empty")]
            pub properties: Properties,
        }

        /// Reads a profile without its properties.
        #[derive(Default, Deserialize)]
        #[serde(remote = "Profile", default)]
        struct ListedProfile {
            $($place: $type,)*
            #[serde(skip)]
            properties: Properties,
        }

        /// All that clients can write of a user.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct UserData {
            $($(#[$first_doc])* pub $first_place: $first_type,)*
            $($(#[$last_doc])* pub $last_place: $last_type,)*
            /// The fields that have no column of their own.
            pub profile: Profile,
        }

        impl UserData {
            fn storage(&self, field: Field) -> &dyn FieldStorage {
                match field {
                    $(Field::$first => &self.$first_place,)*
                    $(Field::$field => &self.profile.$place,)*
                    $(Field::$last => &self.$last_place,)*
                }
            }

            fn storage_mut(&mut self, field: Field) -> &mut dyn FieldStorage {
                match field {
                    $(Field::$first => &mut self.$first_place,)*
                    $(Field::$field => &mut self.profile.$place,)*
                    $(Field::$last => &mut self.$last_place,)*
                }
            }
        }
    };
}

pub(super) use user_fields;
