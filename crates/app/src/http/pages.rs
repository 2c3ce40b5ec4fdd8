//! Pagination of lists.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use frontrow_domain::model::{Invalid, Page, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::problem::Problem;

/// The requested page. Read as text, so that a problem can name the field that is not valid.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The `next_cursor` of the previous page.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// The maximum number of items, 1 to 100; 20 without it.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageBody<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; null on the last page.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

impl PageQuery {
    /// Parses the query.
    pub(crate) fn read<C>(&self, id: impl Fn(Uuid) -> C) -> Result<PageRequest<C>, Problem> {
        let after = self
            .cursor
            .as_deref()
            .map(|cursor| {
                read_cursor(cursor).ok_or_else(|| {
                    Problem::invalid("cursor", &Invalid::new("must be the next_cursor of a page"))
                })
            })
            .transpose()?
            .map(id);
        let limit = match self.limit.as_deref() {
            None => PageRequest::<C>::DEFAULT_LIMIT,
            Some(text) => read_limit(text, PageRequest::<C>::MAX_LIMIT)?,
        };
        Ok(PageRequest { after, limit })
    }
}

/// Parses a number of items from 1 to `max`.
pub(crate) fn read_limit(text: &str, max: u16) -> Result<u16, Problem> {
    text.parse()
        .ok()
        .filter(|limit| (1..=max).contains(limit))
        .ok_or_else(|| {
            let why = format!("must be a whole number from 1 to {max}");
            Problem::invalid("limit", &Invalid::new(why))
        })
}

impl<T> PageBody<T> {
    /// Converts a page to its shape.
    pub(crate) fn new<D, C>(
        page: Page<D, C>,
        id: impl Fn(C) -> Uuid,
        shape: impl FnMut(D) -> T,
    ) -> Self {
        Self {
            items: page.items.into_iter().map(shape).collect(),
            next_cursor: page.next.map(|next| BASE64.encode(id(next))),
        }
    }
}

fn read_cursor(text: &str) -> Option<Uuid> {
    Uuid::from_slice(&BASE64.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use frontrow_domain::model::ConcertId;
    use proptest::prelude::*;

    use super::*;

    fn query(cursor: Option<&str>, limit: Option<&str>) -> PageQuery {
        PageQuery {
            cursor: cursor.map(str::to_owned),
            limit: limit.map(str::to_owned),
        }
    }

    #[test]
    fn a_cursor_is_read_back_as_the_id_of_the_last_item() {
        let id = ConcertId(Uuid::from_u128(77));
        let page = Page {
            items: vec![()],
            next: Some(id),
        };
        let body = PageBody::new(page, |id| id.0, |()| ());
        let request = query(body.next_cursor.as_deref(), Some("7"))
            .read(ConcertId)
            .unwrap();
        assert_eq!((request.after, request.limit), (Some(id), 7));
    }

    #[test]
    fn limits_have_bounds() {
        for bad in ["0", "101", "-1", "1.5", "", "ten", "99999999999999999999"] {
            assert!(query(None, Some(bad)).read(ConcertId).is_err(), "{bad}");
        }
        assert_eq!(query(None, None).read(ConcertId).unwrap().limit, 20);
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_refused(text in "\\PC{0,60}") {
            let _ = query(Some(&text), None).read(ConcertId);
        }

        #[test]
        fn a_cursor_has_sixteen_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = BASE64.encode(&bytes);
            let read = query(Some(&text), None).read(ConcertId);
            prop_assert_eq!(read.is_ok(), bytes.len() == 16);
        }

        #[test]
        fn an_accepted_limit_is_within_the_bounds(text in "\\PC{0,20}") {
            if let Ok(request) = query(None, Some(&text)).read(ConcertId) {
                prop_assert!((1..=100).contains(&request.limit));
            }
        }
    }
}
