//! Whether what manifests promise is so.
//!
//! [`matrix`] says what has to be tried: what is granted, and for each grant what is not (another external id, no second factor,
//! another principal, elsewhere in the bucket). [`judged`] says of what was tried, or could not be, whether it is as it should be:
//! by AWS's own answers, or by the evaluator over what is live. Nothing here calls anything.

mod asked;
mod beyond;
mod bucket;
mod judge;
mod matrix;
mod others;
mod statements;
mod terms;
mod unrevoked;
mod wanted;

pub use asked::asked;
pub use beyond::{Beyond, beyond, granted};
pub use bucket::prefixes;
pub use judge::{Live, is_refusal, judged};
pub use matrix::{CELLS_MOST, Hand, Matrix, Objects, Options, SESSION_NAME, matrix};
pub use terms::terms;
pub use unrevoked::unrevoked;
