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

        $crate::model::attributes::attributes! {
            /// An attribute of a user that clients can write.
            Field of UserData {
                $($(#[$first_doc])* $first = $first_place, $first_member, $first_kind;)*
                $($(#[$doc])* $field = profile.$place, $member, $kind;)*
                $($(#[$last_doc])* $last = $last_place, $last_member, $last_kind;)*
            }
        }

        impl Field {
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
    };
}

pub(super) use user_fields;
