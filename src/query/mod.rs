//! What can be asked: from a query string to a checked plan. Knows nothing of HTTP and nothing of SQL.

mod cast;
mod condition;
mod depends;
mod fields;
mod filters;
mod items;
mod operator;
mod page;
mod parse;
mod plan;
mod populate;
mod scope;
mod search;
mod selection;
mod sort;
mod status;
mod strict;
mod terms;
#[cfg(test)]
mod tests;
mod tree;
mod unsupported_relations;
mod value;

pub use condition::{Comparison, Filter, Operand, Operands, Place, Publication, Test, TextTest};
pub use items::plan_items;
pub use page::{DEFAULT_SIZE, Page};
pub use parse::parse;
pub use plan::{Cost, ReadPlan, plan, plan_answer, plan_one};
pub use scope::Warning;
pub use selection::{Populated, Selection};
pub use sort::Order;
pub use terms::Terms;
pub use value::QueryValue;
