//! The filter of lists of relationships.

use crate::http::jsonapi::query::Query;
use crate::http::v2::parameters::{
    FILTER_PARTICIPANT, FILTER_RELATIONSHIP, FILTER_TARGET, FILTER_TARGET_ENABLED, FILTER_USER, FILTER_USER_ENABLED,
    FLAG_RULE,
};
use crate::model::filter::RelationshipFilter;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;

/// Parses the filter of a list of relationships. Problems are reported by the query.
pub fn parse_filter(query: &mut Query, caller: UserId) -> RelationshipFilter {
    RelationshipFilter {
        users: query.user_ids(&FILTER_USER, caller),
        targets: query.user_ids(&FILTER_TARGET, caller),
        relationships: query.list(&FILTER_RELATIONSHIP, TypeName::RULE, TypeName::parse),
        participants: query.user_ids(&FILTER_PARTICIPANT, caller),
        user_enabled: query.list(&FILTER_USER_ENABLED, FLAG_RULE, |text| text.parse().ok()),
        target_enabled: query.list(&FILTER_TARGET_ENABLED, FLAG_RULE, |text| text.parse().ok()),
        seen_by: None,
    }
}
