//! Pages of lists: each page begins after the last id of the previous one.

/// A request for a part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<C> {
    /// The cursor: the page begins after it. None for the start of the list.
    pub after: Option<C>,
    /// The largest number of items.
    pub limit: u16,
}

impl<C> PageRequest<C> {
    /// The number of items of a page if the request does not set a limit.
    pub const DEFAULT_LIMIT: u16 = 20;
    /// The largest number of items of a page.
    pub const MAX_LIMIT: u16 = 100;
}

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page. None on the last page.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Makes a page of at most `limit + 1` items, the last of which only shows that there is
    /// another page.
    pub fn from_one_more(mut items: Vec<T>, limit: u16, cursor: impl Fn(&T) -> C) -> Self {
        let more = items.len() > usize::from(limit);
        items.truncate(usize::from(limit));
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }

    /// Returns a page of a list in memory. A cursor that is not in the list points after its end.
    pub fn of_list(all: &[T], page: PageRequest<C>, id: impl Fn(&T) -> C) -> Self
    where
        T: Clone,
        C: PartialEq + Copy,
    {
        let start = page.after.map_or(0, |after| {
            all.iter()
                .position(|item| id(item) == after)
                .map_or(all.len(), |at| at + 1)
        });
        let items = all
            .iter()
            .skip(start)
            .take(usize::from(page.limit) + 1)
            .cloned()
            .collect();
        Self::from_one_more(items, page.limit, id)
    }
}
