use super::{HTTP, HTTPS};
#[test]
fn placeholder() {
    let _ = (&HTTP, &HTTPS);
}
