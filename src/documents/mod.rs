//! The document service: what can be done with documents, whoever asks and however. Knows nothing of HTTP.

mod answer;
mod read;

pub use answer::one as answer_one;
pub use read::{Find, find_many, find_one};
