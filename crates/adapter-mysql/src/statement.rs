//! Statements whose text never changes, prepared once per connection.

use diesel::{
    QueryResult,
    mysql::Mysql,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
};

/// A statement whose text is always the same, whatever its values are.
/// The driver prepares `sql_query` and updates for each call, as it cannot know how many texts
/// there are. That costs another round trip to the server. This type declares that there is one
/// text, to be prepared once per connection.
#[derive(Debug)]
pub(crate) struct Fixed<Statement>(pub(crate) Statement);

impl<Statement: QueryFragment<Mysql>> QueryFragment<Mysql> for Fixed<Statement> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Mysql) -> QueryResult<bool> {
        Ok(true)
    }
}

/// Statements are identified by their text.
impl<Statement> QueryId for Fixed<Statement> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Statement: Query> Query for Fixed<Statement> {
    type SqlType = Statement::SqlType;
}
