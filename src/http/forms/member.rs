//! The documented oddity: an update of a member that names a form of its group.

use serde_json::{Map, Value};

use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::catalogue::Catalogue;
use crate::http::forms::config::definition::{Form, Properties};
use crate::http::forms::config::resource::Resource;
use crate::http::forms::config::validation::Validations;
use crate::http::forms::validate::{complaints_about_property, field_of, refuse_null_characters, refuse_undefined};
use crate::http::forms::validation_result::{FormMismatch, Validated};

/// How a form of members lists a property.
enum Listing<'f> {
    Writable(Option<&'f Validations>),
    ReadOnly,
}

impl Catalogue {
    /// Judges an update of a member that names a form of groups (`Relationship`), by the fields of members.
    ///
    /// Only `properties` can be sent, and of those what the type defines and some form of members lists. Each must
    /// satisfy one of the forms that list it; if it satisfies none, the errors of the first by name are told. Nothing
    /// is demanded of what is not sent.
    ///
    /// # Errors
    /// The first [`FormMismatch`].
    pub fn judge_member_by_group_form(
        &self,
        sent: &Map<String, Value>,
        kind: Option<&Type>,
    ) -> Result<Validated, FormMismatch> {
        refuse_null_characters(sent)?;
        if let Some(name) = sent.keys().find(|name| *name != "properties") {
            return Err(FormMismatch::NotListed(name.clone()));
        }
        let mut judged = Validated::default();
        let properties = match sent.get("properties") {
            None => return Ok(judged),
            Some(Value::Object(properties)) => properties,
            Some(_) => {
                judged.errors.add("properties", "is not an object");
                return Ok(judged);
            }
        };
        for (name, value) in properties {
            let listings: Vec<_> = self.forms().filter_map(|form| listing_of(form, name)).collect();
            let writable = listings.iter().filter_map(|listing| match listing {
                Listing::Writable(validations) => Some(*validations),
                Listing::ReadOnly => None,
            });
            let mut complaints = writable.map(|rules| complaints_about_property(name, value, kind, rules)).peekable();
            if complaints.peek().is_none() {
                let field = field_of(name);
                return Err(if listings.is_empty() {
                    FormMismatch::NotListed(field)
                } else {
                    FormMismatch::ReadOnly(field)
                });
            }
            refuse_undefined(name, kind)?;
            let first = complaints.peek().cloned().unwrap_or_default();
            let is_good = complaints.any(|complaints| complaints.is_empty());
            judged.take_property(name, value, if is_good { Vec::new() } else { first });
        }
        judged.check_size();
        Ok(judged)
    }
}

fn listing_of<'f>(form: &'f Form, name: &str) -> Option<Listing<'f>> {
    if form.resource != Resource::RelationshipUser {
        return None;
    }
    match form.properties.as_ref()? {
        Properties::Free => Some(Listing::Writable(None)),
        Properties::Listed(listed) => listed.get(name).map(|property| {
            if property.is_readonly { Listing::ReadOnly } else { Listing::Writable(Some(&property.validations)) }
        }),
    }
}
