//! Lists are read page by page, each page after the last id of the one before.

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<C> {
    /// Only what comes after this; from the start without it.
    pub after: Option<C>,
    /// At most so many items.
    pub limit: u16,
}

impl<C> PageRequest<C> {
    /// How many items a page has when nobody says.
    pub const DEFAULT_LIMIT: u16 = 20;
    /// How many items a page has at most.
    pub const MAX_LIMIT: u16 = 100;
}

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page starts; none on the last page.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// A page out of `limit + 1` items, whose last one only tells that there is more.
    pub fn from_one_more(mut items: Vec<T>, limit: u16, cursor: impl Fn(&T) -> C) -> Self {
        let more = items.len() > usize::from(limit);
        items.truncate(usize::from(limit));
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }

    /// The page of a list that is in memory. A cursor that is not in the list starts after its end.
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
