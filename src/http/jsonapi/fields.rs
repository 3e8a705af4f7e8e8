//! The fields of each resource type, and sets of them (JSON:API 1.1, "Sparse Fieldsets").

use std::marker::PhantomData;

use crate::model::attributes::Attribute;
use crate::model::handover::TransferAttribute;
use crate::model::relationship::EdgeAttribute;
use crate::model::relationship_type::TypeAttribute;
use crate::model::user::{COMPUTED_ATTRIBUTES, Field, USER_MEMBERS};

/// The name in `fields[…]` of the id, which every resource object has.
pub const ID: &str = "id";

/// An attribute or relationship of a resource type, which `fields[…]` can select.
pub trait ResourceField: Copy + 'static {
    /// The bits of all attributes.
    const ATTRIBUTES: u32;
    /// The bits of all relationships.
    const RELATIONSHIPS: u32;
    /// The names of the attributes that the service computes. Clients that send whole records back may send them; they
    /// are ignored.
    const COMPUTED: &'static [&'static str];

    /// Every field, in the order of documents.
    fn all() -> impl Iterator<Item = Self>;

    /// The name of the field in documents.
    fn name(self) -> &'static str;

    /// The bit of the field, from 0 to 31.
    fn bit(self) -> u32;
}

/// The names of all fields of a resource type.
#[must_use]
pub fn names<F: ResourceField>() -> Vec<&'static str> {
    F::all().map(F::name).collect()
}

/// The names of all relationships of a resource type.
#[must_use]
pub fn relationship_names<F: ResourceField>() -> Vec<&'static str> {
    F::all().filter(|field| F::RELATIONSHIPS >> field.bit() & 1 == 1).map(F::name).collect()
}

/// A set of fields of one resource type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSet<F> {
    bits: u32,
    fields: PhantomData<F>,
}

impl<F: ResourceField> FieldSet<F> {
    /// All fields.
    pub const ALL: Self = Self { bits: u32::MAX, fields: PhantomData };
    /// No field.
    pub const EMPTY: Self = Self { bits: 0, fields: PhantomData };

    /// Whether the set was selected by name, and has one of these fields.
    #[must_use]
    pub fn names_any(self, fields: &[F]) -> bool {
        self.bits != Self::ALL.bits && fields.iter().any(|field| self.has(*field))
    }

    /// Adds a field.
    pub fn insert(&mut self, field: F) {
        self.bits |= 1 << field.bit();
    }

    /// Whether the set contains a field.
    #[must_use]
    pub fn has(self, field: F) -> bool {
        self.bits >> field.bit() & 1 == 1
    }

    /// Whether the set contains any attribute.
    #[must_use]
    pub const fn has_attributes(self) -> bool {
        self.bits & F::ATTRIBUTES != 0
    }

    /// Whether the set contains any relationship.
    #[must_use]
    pub const fn has_relationships(self) -> bool {
        self.bits & F::RELATIONSHIPS != 0
    }
}

/// A number of fields as a number of bits.
#[expect(clippy::cast_possible_truncation, reason = "the number is below 32")]
const fn bits_of(fields: usize) -> u32 {
    fields as u32
}

/// Declares the fields of a resource type, in the order of documents: the attributes that clients can write, which the
/// model declares, those that the service computes, and the relationships.
macro_rules! resource_fields {
    ($(#[$doc:meta])* $type:ident {
        $(written { $written:ident })?
        computed { $($attribute:ident = $attribute_name:literal),* $(,)? }
        relationships { $($relationship:ident = $relationship_name:literal),* $(,)? }
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $(#[doc = "An attribute that clients can write."] Attribute($written),)?
            $(#[doc = concat!("The attribute `", $attribute_name, "`.")] $attribute,)*
            $(#[doc = concat!("The relationship `", $relationship_name, "`.")] $relationship,)*
        }

        impl $type {
            /// The number of attributes that clients can write.
            const WRITTEN: u32 = 0 $(+ bits_of($written::COUNT))?;
        }

        impl ResourceField for $type {
            const ATTRIBUTES: u32 = (1 << Self::WRITTEN) - 1 $(| 1 << Self::$attribute.bit_of())*;
            const RELATIONSHIPS: u32 = 0 $(| 1 << Self::$relationship.bit_of())*;
            const COMPUTED: &'static [&'static str] = &[$($attribute_name),*];

            fn all() -> impl Iterator<Item = Self> {
                let written = std::iter::empty()$(.chain($written::ALL.map(Self::Attribute)))?;
                written.chain([$(Self::$attribute,)* $(Self::$relationship,)*])
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::Attribute(it) => <$written as Attribute>::member(it),)?
                    $(Self::$attribute => $attribute_name,)*
                    $(Self::$relationship => $relationship_name,)*
                }
            }

            fn bit(self) -> u32 {
                self.bit_of()
            }
        }

        impl $type {
            const fn bit_of(self) -> u32 {
                /// The fields that the model does not declare.
                enum Other { $($attribute,)* $($relationship,)* }
                match self {
                    $(Self::Attribute(it) => it as $written as u32,)?
                    $(Self::$attribute => Self::WRITTEN + Other::$attribute as u32,)*
                    $(Self::$relationship => Self::WRITTEN + Other::$relationship as u32,)*
                }
            }
        }
    };
}
pub(super) use resource_fields;

resource_fields! {
    /// A field of a relationship.
    RelationshipField {
        written { EdgeAttribute }
        computed { CreatedAt = "created-at", UpdatedAt = "updated-at" }
        relationships {
            User = "user", Target = "target", CreatedBy = "created-by", UpdatedBy = "updated-by",
        }
    }
}

resource_fields! {
    /// A field of a relationship type.
    TypeField {
        written { TypeAttribute }
        computed { IsTree = "is-tree", CreatedAt = "created-at", UpdatedAt = "updated-at" }
        relationships {}
    }
}

resource_fields! {
    /// A field of a group.
    GroupField {
        computed {
            GroupType = "group-type", Properties = "properties", CreatedAt = "created-at", UpdatedAt = "updated-at",
        }
        relationships { Owner = "owner", Members = "members" }
    }
}

resource_fields! {
    /// A field of a membership.
    MemberField {
        computed {
            MemberType = "member-type", Properties = "properties", CreatedAt = "created-at", UpdatedAt = "updated-at",
        }
        relationships { Group = "group", User = "user" }
    }
}

resource_fields! {
    /// A field of a transfer.
    TransferField {
        written { TransferAttribute }
        computed { Moved = "moved", Merged = "merged", CreatedAt = "created-at" }
        relationships { From = "from", To = "to", Actor = "actor" }
    }
}

resource_fields! {
    /// A field of a change.
    ChangeField {
        computed {
            Action = "action", SubjectType = "subject-type", SubjectId = "subject-id", Relationship = "relationship",
            PreviousRelationship = "previous-relationship", Changed = "changed", At = "at", Transaction = "transaction",
            RequestId = "request-id", Reason = "reason",
        }
        relationships { Actor = "actor", User = "user", Target = "target" }
    }
}

/// A field of a user. Its bit is its index in [`USER_MEMBERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserField {
    /// First and last name together.
    Name,
    /// An attribute that clients can write.
    Attribute(Field),
    /// Whether the user is the target of a `subordinate` relationship.
    IsSupervisor,
    /// The time of creation.
    CreatedAt,
    /// The time of the last change.
    UpdatedAt,
    /// The relationships that the user owns.
    UserRelationships,
    /// The relationships whose target the user is.
    TargetedBy,
}

impl UserField {
    const fn index(self) -> usize {
        match self {
            Self::Name => 0,
            Self::Attribute(field) => 1 + field as usize,
            Self::IsSupervisor => Field::COUNT + 1,
            Self::CreatedAt => Field::COUNT + 2,
            Self::UpdatedAt => Field::COUNT + 3,
            Self::UserRelationships => Field::COUNT + 4,
            Self::TargetedBy => Field::COUNT + 5,
        }
    }
}

impl ResourceField for UserField {
    const ATTRIBUTES: u32 = (1 << Self::UserRelationships.index()) - 1;
    const RELATIONSHIPS: u32 = 1 << Self::UserRelationships.index() | 1 << Self::TargetedBy.index();
    const COMPUTED: &'static [&'static str] = COMPUTED_ATTRIBUTES;

    fn all() -> impl Iterator<Item = Self> {
        let attributes = Field::ALL.into_iter().map(Self::Attribute);
        let computed =
            [Self::IsSupervisor, Self::CreatedAt, Self::UpdatedAt, Self::UserRelationships, Self::TargetedBy];
        [Self::Name].into_iter().chain(attributes).chain(computed)
    }

    fn name(self) -> &'static str {
        USER_MEMBERS.get(self.index()).copied().unwrap_or_default()
    }

    fn bit(self) -> u32 {
        bits_of(self.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_bits<F: ResourceField>() {
        assert!(F::all().enumerate().all(|(index, field)| u32::try_from(index) == Ok(field.bit())));
        let bits = F::all().fold(0, |bits, field| bits | 1 << field.bit());
        assert_eq!((F::ATTRIBUTES | F::RELATIONSHIPS, F::ATTRIBUTES & F::RELATIONSHIPS), (bits, 0));
    }

    #[test]
    fn every_field_has_its_own_bit_and_is_an_attribute_or_a_relationship() {
        check_bits::<RelationshipField>();
        check_bits::<TypeField>();
        check_bits::<GroupField>();
        check_bits::<MemberField>();
        check_bits::<TransferField>();
        check_bits::<ChangeField>();
        check_bits::<UserField>();
    }

    #[test]
    fn every_field_of_a_user_has_its_name() {
        for field in Field::ALL {
            assert_eq!(UserField::Attribute(field).name(), field.member());
        }
        assert_eq!(names::<UserField>(), USER_MEMBERS);
        assert_eq!((UserField::Name.name(), UserField::IsSupervisor.name()), ("name", "is-supervisor"));
        assert_eq!((UserField::CreatedAt.name(), UserField::UpdatedAt.name()), ("created-at", "updated-at"));
        assert_eq!(relationship_names::<UserField>(), ["user-relationships", "targeted-by"]);
    }
}
