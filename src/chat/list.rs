//! The list of chats: a name and an address a line.

use super::Address;

/// Characters of a name.
const NAME_CHARS_MAX: usize = 60;

/// Chats by the names that plans call them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List(Vec<(String, Address)>);

/// One thing wrong with the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// Without anything of an address.
    pub message: String,
}

impl List {
    /// Reads every line that can be read, and says what is wrong with the others.
    /// Empty lines and those that begin with `#` say nothing.
    pub fn parse(text: &str) -> (List, Vec<Wrong>) {
        let (mut list, mut wrong) = (List::default(), Vec::new());
        let mut lines: Vec<usize> = Vec::new();
        // Editors of another system put it there.
        for (index, written) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let entry = written.trim();
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let column = |part: &str| {
                let at = part.as_ptr() as usize - written.as_ptr() as usize;
                written[..at].chars().count() + 1
            };
            let read =
                read(entry).map_err(|(part, message)| (column(part), message)).and_then(|(name, address)| {
                    match list.0.iter().position(|(taken, _)| *taken == name) {
                        Some(at) => {
                            Err((column(entry), format!("the name `{name}` is taken on line {}", lines[at])))
                        }
                        None => Ok((name, address)),
                    }
                });
            match read {
                Ok(chat) => {
                    list.0.push(chat);
                    lines.push(index + 1);
                }
                Err((column, message)) => wrong.push(Wrong { line: index + 1, column, message }),
            }
        }
        (list, wrong)
    }

    /// The address under a name.
    pub fn find(&self, name: &str) -> Option<&Address> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, address)| address)
    }

    /// Every name, in the order of the list.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// One line, or the part of it that is wrong, and why.
fn read(line: &str) -> Result<(String, Address), (&str, String)> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (name, rest) = (name.trim(), rest.trim());
    if !is_name(name) {
        let message = match name.contains("://") {
            true => "a line is a name, a space and an address; the name is missing".to_owned(),
            false => {
                format!("a name has letters, digits, `-`, `_` and `.`, at most {NAME_CHARS_MAX} of them")
            }
        };
        return Err((name, message));
    }
    if rest.is_empty() {
        // A line that was wrapped, or a token alone: it is not repeated.
        return Err((name, "a line is a name, a space and an address; one of them is missing".into()));
    }
    match Address::parse(rest) {
        Ok(address) => Ok((name.to_owned(), address)),
        Err(message) => Err((rest, message)),
    }
}

/// Whether a chat may be called so.
pub fn is_name(name: &str) -> bool {
    let is_one = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && name.chars().all(is_one)
}
