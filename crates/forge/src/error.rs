//! What goes wrong.

/// Why a comment was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is no comment of ours.
    #[error("its first line is no marker of crossrole's")]
    NoMarker,
    /// It holds more than one takes.
    #[error("it has {length} characters, and a comment holds {most}")]
    TooLong {
        /// Its characters.
        length: usize,
        /// Most.
        most: usize,
    },
    /// A token would go over a network in the clear, or to no address at all.
    #[error("`{api}` is no address of an API: it has to begin with `https://`, and may with `http://` on loopback")]
    Address {
        /// As given.
        api: String,
    },
    /// A repository's name could lead elsewhere.
    #[error("`{repository}` is no repository")]
    Repository {
        /// As given.
        repository: String,
    },
    /// A token that can be no header.
    #[error("the token holds letters that no token has")]
    Token,
    /// No certificate of an authority could be read.
    #[error("the certificates that this system trusts can't be read: {why}")]
    Trust {
        /// Why.
        why: String,
    },
    /// Nobody answered.
    #[error("{host} can't be reached: {why}")]
    Unreachable {
        /// Its name.
        host: String,
        /// Why.
        why: String,
    },
    /// The token is not sent where this leads.
    #[error("{host} answers {what} with a redirect ({status}), which is not followed with a token")]
    Redirect {
        /// Who.
        host: String,
        /// What was asked.
        what: &'static str,
        /// The code.
        status: u16,
    },
    /// It was asked too often, and wants longer than is waited.
    #[error("{host} wants {seconds} seconds to pass before it answers {what}")]
    Limited {
        /// Who.
        host: String,
        /// What was asked.
        what: &'static str,
        /// So long.
        seconds: u64,
    },
    /// It said no.
    #[error("{host} answers {what} with {status}: {said}")]
    Refused {
        /// Who.
        host: String,
        /// What was asked.
        what: &'static str,
        /// The code.
        status: u16,
        /// In its own words: text of others.
        said: String,
    },
    /// It said something else than is documented.
    #[error("{host} answers {what} with something that can't be read: {why}")]
    Answer {
        /// Who.
        host: String,
        /// What was asked.
        what: &'static str,
        /// Why not.
        why: String,
    },
}
