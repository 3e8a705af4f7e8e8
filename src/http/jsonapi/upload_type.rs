//! The media types of uploads: the one exception to those of JSON:API.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};

use super::errors::ApiProblem;
use super::negotiation::parse_media_types;
use crate::files::encoding::parse_encoding;
use crate::model::code::Code;

/// The format of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadType {
    /// CSV, with the name of its encoding (RFC 7111).
    Table(Option<String>),
    /// NDJSON.
    Lines,
}

/// Parses the media type of an upload.
///
/// # Errors
/// 415 `unsupported-media-type`.
pub fn parse_upload_type(headers: &HeaderMap) -> Result<UploadType, ApiProblem> {
    let refuse = |detail: String| ApiProblem::new(Code::UnsupportedMediaType, detail).header("Content-Type");
    let wanted = || refuse("send the file with one `Content-Type`: `text/csv`, or `application/x-ndjson`".to_owned());
    let mut values = headers.get_all(CONTENT_TYPE);
    let (Some(Ok(sent)), None) = (values.next().map(|value| value.to_str()), values.next()) else {
        return Err(wanted());
    };
    let types = parse_media_types(sent);
    let [sent] = types.as_slice() else { return Err(wanted()) };
    let charset = sent.parameters.iter().find(|(name, _)| name == "charset").map(|(_, value)| value.as_str());
    match sent.essence.as_str() {
        "text/csv" => match charset {
            None => Ok(UploadType::Table(None)),
            Some(charset) => {
                parse_encoding(charset).map_err(|rule| refuse(format!("`charset` {rule}; got `{charset}`")))?;
                Ok(UploadType::Table(Some(charset.to_owned())))
            }
        },
        "application/x-ndjson" if charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8")) => {
            Ok(UploadType::Lines)
        }
        "application/x-ndjson" => Err(refuse("`application/x-ndjson` is always UTF-8; leave `charset` out".to_owned())),
        _ => Err(wanted()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn an_upload_is_csv_or_ndjson() {
        let parse = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            parse_upload_type(&headers).ok()
        };
        assert_eq!(parse("text/csv"), Some(UploadType::Table(None)));
        assert_eq!(parse("Text/CSV; charset=UTF-8; header=present"), Some(UploadType::Table(Some("UTF-8".to_owned()))));
        assert_eq!(parse("application/x-ndjson;charset=utf-8"), Some(UploadType::Lines));
        let bad = ["application/json", "text/csv, text/csv", "text/plain", "text/csv; charset=klingon", "csv", ""];
        assert_eq!(bad.into_iter().find(|bad| parse(bad).is_some()), None);
        assert_eq!(parse("application/x-ndjson; charset=windows-1252"), None);
    }
}
