//! The resource object of a relationship. It is rendered most often, and therefore by hand (see
//! [`raw_json`](super::raw_json)).

use serde::ser::Error;
use serde::{Serialize, Serializer};

use super::fields::RelationshipField as Field;
use super::raw_json::{ABSOLUTE_CAPACITY, CAPACITY, Digits, Fragment};
use super::resources::Resource;
use crate::http::urls;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::relationship::{EdgeAttribute, Relationship};

impl Serialize for Resource<'_, Relationship> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A larger buffer costs time for each row.
        if self.options.base.is_empty() {
            self.serialize_within::<S, CAPACITY>(serializer)
        } else {
            self.serialize_within::<S, ABSOLUTE_CAPACITY>(serializer)
        }
    }
}

impl Resource<'_, Relationship> {
    fn serialize_within<S: Serializer, const SIZE: usize>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fragment = Fragment::<SIZE>::new();
        self.write(&mut fragment);
        let json = fragment.json().ok_or_else(|| S::Error::custom("the relationship does not fit into the buffer"))?;
        serializer.serialize_bytes(json)
    }

    fn write<const SIZE: usize>(&self, out: &mut Fragment<SIZE>) {
        let base = self.options.base.as_str();
        let (edge, fields, zone) = (self.row, self.options.relationships, self.options.zone);
        let id = Digits::of(edge.id.get());
        let id = id.as_str();
        out.put(r#"{"type":"user-relationships","id":""#).put(id).put("\"");
        if fields.has_attributes() {
            let mut glue = r#","attributes":{"#;
            for attribute in EdgeAttribute::ALL {
                if fields.has(Field::Attribute(attribute)) {
                    out.put(glue).put("\"").put(attribute.member()).put("\":").put_value(edge.data.get(attribute));
                    glue = ",";
                }
            }
            if fields.has(Field::CreatedAt) {
                out.put(glue).put(r#""created-at":""#).put(edge.created_at.rfc2822(zone).as_str()).put("\"");
                glue = ",";
            }
            if fields.has(Field::UpdatedAt) {
                out.put(glue).put(r#""updated-at":""#).put(edge.updated_at.rfc2822(zone).as_str()).put("\"");
            }
            out.put("}");
        }
        if fields.has_relationships() {
            let mut glue = r#","relationships":{"#;
            for (field, name, user) in [(Field::User, "user", edge.user), (Field::Target, "target", edge.target)] {
                if fields.has(field) {
                    out.put(glue).put("\"").put(name).put(r#"":{"data":{"type":"users","id":""#);
                    out.put(Digits::of(user.get()).as_str()).put(r#""},"links":{"self":""#);
                    out.put(base).put(urls::RELATIONSHIPS).put(id).put(urls::LINKAGE).put(name).put(r#"","related":""#);
                    out.put(base).put(urls::RELATIONSHIPS).put(id).put("/").put(name).put(r#""}}"#);
                    glue = ",";
                }
            }
            out.put("}");
        }
        out.put(r#","links":{"self":""#).put(base).put(urls::RELATIONSHIPS).put(id).put(r#""}"#);
        if let Some(cursor) = self.cursor() {
            // A cursor is base64url, so nothing in it needs an escape.
            out.put(r#","meta":{"page":{"cursor":""#).put(cursor).put(r#""}}"#);
        }
        out.put("}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::jsonapi::fields;
    use crate::http::jsonapi::query::Query;
    use crate::http::jsonapi::raw_json;
    use crate::http::jsonapi::render_options::{FIELDS_OF_RELATIONSHIPS, RenderOptions};
    use crate::http::urls::BaseUrl;
    use crate::model::id::{RelationshipId, UserId};
    use crate::model::limits::LONGEST_PUBLIC_URL;
    use crate::model::relationship::EdgeData;
    use crate::model::relationship_type::TypeName;
    use crate::model::time::Timestamp;
    use serde_json::{Value, json};

    /// The resource as `serde_json` renders it.
    fn expected(edge: &Relationship, base: &str, fields: &[&str], cursor: Option<&str>) -> Value {
        let url = format!("{base}/api/v2/user-relationships/{}", edge.id);
        let end = |name: &str, id: UserId| {
            let links = json!({"self": format!("{url}/relationships/{name}"), "related": format!("{url}/{name}")});
            json!({"data": {"type": "users", "id": id.to_string()}, "links": links})
        };
        let time = |time: Timestamp| time.rfc2822(chrono_tz::Asia::Kolkata).as_str().to_owned();
        let mut all = json!({"type": "user-relationships", "id": edge.id.to_string(), "links": {"self": url}});
        for (group, name, value) in [
            ("attributes", "relationship", json!(edge.data.relationship.as_str())),
            ("attributes", "created-at", json!(time(edge.created_at))),
            ("attributes", "updated-at", json!(time(edge.updated_at))),
            ("relationships", "user", end("user", edge.user)),
            ("relationships", "target", end("target", edge.target)),
        ] {
            if fields.contains(&name) {
                all[group][name] = value;
            }
        }
        if let Some(cursor) = cursor {
            all["meta"] = json!({"page": {"cursor": cursor}});
        }
        all
    }

    #[test]
    fn every_fieldset_renders_the_expected_json_at_maximum_length() {
        let edge = Relationship {
            id: RelationshipId::new(i64::MAX),
            version: 1,
            user: UserId::new(i64::MAX),
            target: UserId::new(7),
            data: EdgeData::new(TypeName::parse(&"a".repeat(64)).unwrap()),
            created_at: Timestamp::from_micros(1_400_000_000_000_000),
            updated_at: Timestamp::from_micros(1_500_000_000_000_000),
        };
        for choice in 0_u32..32 {
            let names = fields::names::<Field>().into_iter().enumerate();
            let fields: Vec<_> = names.filter(|(bit, _)| choice >> bit & 1 == 1).map(|(_, name)| name).collect();
            let raw = format!("fields[user-relationships]={}", fields.join(","));
            let mut query = Query::parse(&raw, &[FIELDS_OF_RELATIONSHIPS], false).unwrap();
            let view = RenderOptions::of(&mut query, chrono_tz::Asia::Kolkata);
            let longest = format!("https://{}", "a".repeat(LONGEST_PUBLIC_URL - 8));
            let cursors = [None, Some("x".repeat(80))];
            for (base, cursor) in
                ["", &longest].into_iter().flat_map(|base| cursors.clone().map(|cursor| (base, cursor)))
            {
                let view = view.clone().with_base(BaseUrl::new(Some(base)));
                let resource = Resource::with_cursor(&edge, &view, cursor.clone());
                let json = raw_json::write(&[resource], 2_000).unwrap();
                let found: Value = serde_json::from_slice(&json).unwrap();
                assert_eq!(found[0], expected(&edge, base, &fields, cursor.as_deref()), "{raw}");
            }
        }
    }
}
