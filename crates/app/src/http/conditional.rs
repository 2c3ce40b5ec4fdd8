//! Conditional responses: 304 if the client or a cache already has the content.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, EntityTag, Header as _, HeaderValue, TryIntoHeaderValue},
    web::Bytes,
};

/// The content type of a document.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON document with its ETag, serialized once for all requests.
pub(crate) struct Tagged {
    pub(crate) tag: EntityTag,
    tag_header: HeaderValue,
    pub(crate) body: Bytes,
}

impl Tagged {
    /// Returns the document `body` with a unique ETag of letters, digits and dashes.
    pub(crate) fn new(tag: String, body: Vec<u8>) -> Self {
        let tag = EntityTag::new_strong(tag);
        let tag_header = tag.clone().try_into_value();
        Self {
            tag_header: tag_header.unwrap_or(HeaderValue::from_static("")),
            tag,
            body: body.into(),
        }
    }
}

/// True if the client has the content with this ETag.
pub(crate) fn has_tag(request: &HttpRequest, tag: &EntityTag) -> bool {
    match header::IfNoneMatch::parse(request) {
        Ok(header::IfNoneMatch::Any) => true,
        Ok(header::IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

/// Answers with `document`, or with 304 if the client has it.
pub(crate) fn answer(
    request: &HttpRequest,
    document: &Tagged,
    cache_control: HeaderValue,
) -> HttpResponse {
    let unchanged =
        request.headers().contains_key(header::IF_NONE_MATCH) && has_tag(request, &document.tag);
    let mut response = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::ETAG, document.tag_header.clone()))
        .insert_header((header::CACHE_CONTROL, cache_control));
    if unchanged {
        return response.finish();
    }
    response
        .insert_header((header::CONTENT_TYPE, JSON))
        .body(document.body.clone())
}
