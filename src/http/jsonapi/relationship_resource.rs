//! The resource object of a relationship. It is rendered most often, and therefore by hand (see
//! [`raw_json`](super::raw_json)).

use serde::ser::Error;
use serde::{Serialize, Serializer};

use super::fields::RelationshipField as Field;
use super::raw_json::{ABSOLUTE_CAPACITY, CAPACITY, Digits, Fragment};
use super::render_options::RenderOptions;
use super::resources::Resource;
use crate::http::urls;
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::authors::{AuthoredRelationship, Authors};
use crate::model::id::UserId;
use crate::model::relationship::{EdgeAttribute, Relationship};

/// Enough bytes for the authors of a relationship.
const AUTHORS_CAPACITY: usize = 192;
const AUTHORED_CAPACITY: usize = CAPACITY + AUTHORS_CAPACITY;
const AUTHORED_ABSOLUTE_CAPACITY: usize = ABSOLUTE_CAPACITY + AUTHORS_CAPACITY;

impl Serialize for Resource<'_, Relationship> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let edge = RenderedEdge { edge: self.row, authors: None, options: self.options, cursor: self.cursor() };
        // A larger buffer costs time for each row.
        if self.options.base.is_empty() {
            edge.serialize_within::<S, CAPACITY>(serializer)
        } else {
            edge.serialize_within::<S, ABSOLUTE_CAPACITY>(serializer)
        }
    }
}

impl Serialize for Resource<'_, AuthoredRelationship> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let AuthoredRelationship { relationship: edge, authors } = self.row;
        let edge = RenderedEdge { edge, authors: authors.as_ref(), options: self.options, cursor: self.cursor() };
        if self.options.base.is_empty() {
            edge.serialize_within::<S, AUTHORED_CAPACITY>(serializer)
        } else {
            edge.serialize_within::<S, AUTHORED_ABSOLUTE_CAPACITY>(serializer)
        }
    }
}

/// What a resource object is rendered from.
struct RenderedEdge<'a> {
    edge: &'a Relationship,
    authors: Option<&'a Authors>,
    options: &'a RenderOptions,
    cursor: Option<&'a str>,
}

impl RenderedEdge<'_> {
    fn serialize_within<S: Serializer, const SIZE: usize>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fragment = Fragment::<SIZE>::new();
        self.write(&mut fragment);
        let json = fragment.json().ok_or_else(|| S::Error::custom("the relationship does not fit into the buffer"))?;
        serializer.serialize_bytes(json)
    }

    fn write<const SIZE: usize>(&self, out: &mut Fragment<SIZE>) {
        let base = self.options.base.as_str();
        let (edge, fields, zone) = (self.edge, self.options.relationships, self.options.zone);
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
            if let Some(authors) = self.authors {
                glue = self.write_authors(out, authors, glue);
            }
            if glue == "," {
                out.put("}");
            }
        }
        out.put(r#","links":{"self":""#).put(base).put(urls::RELATIONSHIPS).put(id).put(r#""}"#);
        if let Some(cursor) = self.cursor {
            // A cursor is base64url, so nothing in it needs an escape.
            out.put(r#","meta":{"page":{"cursor":""#).put(cursor).put(r#""}}"#);
        }
        out.put("}");
    }

    /// Writes the linkage of the authors, after `glue`. They have no links, because they may be deleted. Returns what the
    /// next relationship comes after.
    fn write_authors<const SIZE: usize>(
        &self,
        out: &mut Fragment<SIZE>,
        authors: &Authors,
        mut glue: &'static str,
    ) -> &'static str {
        let both = [
            (Field::CreatedBy, "created-by", authors.created_by),
            (Field::UpdatedBy, "updated-by", authors.updated_by),
        ];
        for (_, name, author) in both.into_iter().filter(|(field, ..)| self.options.relationships.has(*field)) {
            out.put(glue).put("\"").put(name).put(r#"":{"data":"#);
            match author.map(UserId::get) {
                Some(id) => out.put(r#"{"type":"users","id":""#).put(Digits::of(id).as_str()).put(r#""}}"#),
                None => out.put("null}"),
            };
            glue = ",";
        }
        glue
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
    use crate::model::id::RelationshipId;
    use crate::model::limits::LONGEST_PUBLIC_URL;
    use crate::model::relationship::EdgeData;
    use crate::model::relationship_type::TypeName;
    use crate::model::time::Timestamp;
    use serde_json::{Value, json};

    /// The resource as `serde_json` renders it.
    fn expected(edge: &AuthoredRelationship, base: &str, fields: &[&str], cursor: Option<&str>) -> Value {
        let AuthoredRelationship { relationship: edge, authors } = edge;
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
        let author = |id: Option<UserId>| json!({"data": id.map(|id| json!({"type": "users", "id": id.to_string()}))});
        if let Some(Authors { created_by, updated_by }) = authors {
            for (name, id) in [("created-by", *created_by), ("updated-by", *updated_by)] {
                if fields.contains(&name) {
                    all["relationships"][name] = author(id);
                }
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
        let longest = UserId::new(i64::MAX);
        let all_authors =
            [None, Some(Authors::of_new(Some(longest))), Some(Authors { created_by: None, updated_by: Some(longest) })];
        for choice in 0_u32..128 {
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
                let json = raw_json::write(&[Resource::with_cursor(&edge, &view, cursor.clone())], 2_000).unwrap();
                let found: Value = serde_json::from_slice(&json).unwrap();
                let unknown = AuthoredRelationship { relationship: edge.clone(), authors: None };
                assert_eq!(found[0], expected(&unknown, base, &fields, cursor.as_deref()), "{raw}");
                for authors in all_authors {
                    let edge = AuthoredRelationship { relationship: edge.clone(), authors };
                    let resource = Resource::with_cursor(&edge, &view, cursor.clone());
                    let json = raw_json::write(&[resource], 2_000).unwrap();
                    let found: Value = serde_json::from_slice(&json).unwrap();
                    assert_eq!(found[0], expected(&edge, base, &fields, cursor.as_deref()), "{raw}");
                }
            }
        }
    }
}
