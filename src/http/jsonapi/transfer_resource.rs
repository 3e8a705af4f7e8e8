//! Resource objects of transfers.

use serde::{Serialize, Serializer};

use super::fields::TransferField;
use super::identifier::UnlinkedLinkage;
use super::links::SelfLink;
use super::resources::{Body, Resource};
use super::text::{IsoTime, Text};
use crate::http::urls::{LinkUrl, TransferUrl};
use crate::model::handover::{Transfer, TransferAttribute};
use crate::model::id::UserId;

/// The type of transfers.
pub const TRANSFERS: &str = "transfers";

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct TransferAttributes<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    relationship: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    take_place: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<IsoTime>,
}

#[derive(Serialize)]
struct TransferRelationships {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<UnlinkedLinkage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<UnlinkedLinkage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<UnlinkedLinkage>,
}

impl Serialize for Resource<'_, Transfer> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (transfer, fields) = (self.row, self.options.transfers);
        let has = |attribute: TransferAttribute| fields.has(TransferField::Attribute(attribute));
        let user = |field: TransferField, id: UserId| fields.has(field).then(|| UnlinkedLinkage::of(Some(id)));
        Body {
            kind: TRANSFERS,
            id: Text(transfer.id),
            attributes: fields.has_attributes().then(|| TransferAttributes {
                relationship: has(TransferAttribute::Relationship).then_some(transfer.data.relationship.as_str()),
                take_place: has(TransferAttribute::TakePlace).then_some(transfer.data.take_place),
                moved: fields.has(TransferField::Moved).then_some(transfer.moves.moved),
                merged: fields.has(TransferField::Merged).then_some(transfer.moves.merged),
                created_at: fields.has(TransferField::CreatedAt).then_some(IsoTime(transfer.created_at)),
            }),
            relationships: fields.has_relationships().then(|| TransferRelationships {
                from: user(TransferField::From, transfer.from),
                to: user(TransferField::To, transfer.to),
                actor: user(TransferField::Actor, transfer.actor),
            }),
            links: SelfLink { this: Text(LinkUrl(&self.options.base, TransferUrl(transfer.id))) },
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}
