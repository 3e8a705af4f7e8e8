//! Updates of a membership that name a form for groups. The documented example does so.

use serde_json::{Map, Value};

use crate::http::forms::config::attribute::Type;
use crate::http::forms::config::catalogue::Catalogue;
use crate::http::forms::config::check;
use crate::http::forms::config::definition::{Form, PropertyRules};
use crate::http::forms::config::resource::FormResource;
use crate::http::forms::config::validation::Validations;
use crate::http::forms::validate::{check_property, property_field, reject_null_characters, reject_undefined};
use crate::http::forms::validation_result::{FormMismatch, Validated};

/// How a form for members lists a property.
enum Listing<'f> {
    Writable(Option<&'f Validations>),
    ReadOnly,
}

impl Catalogue {
    /// Validates an update of a member that names a form for groups (`Relationship`).
    ///
    /// Only `properties` can be sent: those that the type defines and that a form for members lists. Each must satisfy
    /// one of the forms that list it; otherwise the messages of the first form by name are returned. Properties that
    /// are not sent are not validated.
    ///
    /// # Errors
    /// The first [`FormMismatch`].
    pub fn validate_member_by_group_form(
        &self,
        sent: &Map<String, Value>,
        kind: Option<&Type>,
    ) -> Result<Validated, FormMismatch> {
        reject_null_characters(sent)?;
        if let Some(name) = sent.keys().find(|name| *name != "properties") {
            return Err(FormMismatch::NotListed(name.clone()));
        }
        let mut validated = Validated::default();
        let properties = match sent.get("properties") {
            None => return Ok(validated),
            Some(Value::Object(properties)) => properties,
            Some(_) => {
                validated.errors.add("properties", "is not an object");
                return Ok(validated);
            }
        };
        for (name, value) in properties {
            let listings: Vec<_> = self.forms().filter_map(|form| listing_of(form, name)).collect();
            let writable = listings.iter().filter_map(|listing| match listing {
                Listing::Writable(validations) => Some(*validations),
                Listing::ReadOnly => None,
            });
            let check = |rules: Option<&Validations>| {
                let value = rules.map_or_else(|| value.clone(), |rules| check::normalize(rules.email, value));
                let messages = check_property(name, &value, kind, rules);
                (value, messages)
            };
            let checked: Vec<_> = writable.map(check).collect();
            let Some(first) = checked.first() else {
                let field = property_field(name);
                return Err(if listings.is_empty() {
                    FormMismatch::NotListed(field)
                } else {
                    FormMismatch::ReadOnly(field)
                });
            };
            reject_undefined(name, kind)?;
            let (value, messages) = checked.iter().find(|(_, messages)| messages.is_empty()).unwrap_or(first);
            validated.add_property(name, value, messages.clone());
        }
        validated.check_properties_size();
        Ok(validated)
    }
}

fn listing_of<'f>(form: &'f Form, name: &str) -> Option<Listing<'f>> {
    if form.resource != FormResource::RelationshipUser {
        return None;
    }
    match form.properties.as_ref()? {
        PropertyRules::Any => Some(Listing::Writable(None)),
        PropertyRules::Listed(listed) => listed.get(name).map(|property| {
            if property.is_readonly { Listing::ReadOnly } else { Listing::Writable(Some(&property.validations)) }
        }),
    }
}
