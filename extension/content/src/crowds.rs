//! Crowds: if more strings look like references than may be stored one by one, objects and arrays leave instead (rule O11).
//!
//! A crowd is an object or array that contains several of these strings, and not all of them in one of its members. The
//! algorithm starts with the root's crowd, and splits it from the top: it takes the largest of the crowds that would leave,
//! and replaces it by its members (its strings one by one, and the crowds in it), as long as the number stays within the
//! limit. So what leaves is small, and no container that leaves could be split further.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::json::StringToken;

/// An object or array with more than one of the strings in it.
#[derive(Debug)]
struct Crowd {
    span: Range<usize>,
    /// How many values have to be stored if it is split: strings and crowds.
    members: usize,
    /// The members that are crowds, by their indices.
    crowds: Vec<u32>,
}

/// A member of a crowd: a string, or a crowd by its index.
#[derive(Debug, Clone, Copy)]
enum Member {
    String,
    Crowd(u32),
}

/// The containers of a valid document that leave as a whole, in order and disjoint. Together with the `strings` outside of
/// them, they are at most `most`. `strings` are the places where the strings begin that have to leave, in order; none of
/// them is a key.
pub(crate) fn containers(text: &[u8], strings: &[usize], most: usize) -> Vec<Range<usize>> {
    if strings.len() <= most {
        return vec![];
    }
    let crowds = crowds(text, strings);
    let size = |index: u32| (crowds[index as usize].span.len(), Reverse(crowds[index as usize].span.start), index);
    // The outermost crowd was found last.
    let mut leaving: BinaryHeap<_> = crowds.len().checked_sub(1).map(|last| size(last as u32)).into_iter().collect();
    let (mut count, mut whole) = (leaving.len(), vec![]);
    while let Some((_, _, index)) = leaving.pop() {
        let crowd = &crowds[index as usize];
        if count - 1 + crowd.members <= most {
            count += crowd.members - 1;
            leaving.extend(crowd.crowds.iter().map(|&inside| size(inside)));
        } else {
            whole.push(crowd.span.clone());
        }
    }
    whole.sort_by_key(|span| span.start);
    whole
}

/// Every crowd of a document. A crowd inside of another comes before it. It handles any depth without recursion.
fn crowds(text: &[u8], strings: &[usize]) -> Vec<Crowd> {
    let mut strings = strings.iter().copied().peekable();
    let (mut crowds, mut members) = (vec![], vec![]);
    // Of each open container, where it begins and how many members were known then. Few bytes: brackets may be all there is.
    let mut open: Vec<(u32, u32)> = vec![];
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                members.extend(strings.next_if_eq(&at).map(|_| Member::String));
                let Some(token) = StringToken::at(text, at) else { break };
                at = token.close;
            }
            b'{' | b'[' => open.push((short(at), short(members.len()))),
            b'}' | b']' => {
                let Some((start, known)) = open.pop() else { break };
                if members.len() - known as usize > 1 {
                    let crowd = crowd(start as usize..at + 1, members.drain(known as usize..));
                    members.push(Member::Crowd(short(crowds.len())));
                    crowds.push(crowd);
                }
            }
            _ => {}
        }
        at += 1;
    }
    crowds
}

fn crowd(span: Range<usize>, members: impl ExactSizeIterator<Item = Member>) -> Crowd {
    let count = members.len();
    let crowds = members.filter_map(|member| match member {
        Member::String => None,
        Member::Crowd(index) => Some(index),
    });
    Crowd { span, members: count, crowds: crowds.collect() }
}

fn short(at: usize) -> u32 {
    u32::try_from(at).expect("BUG: no response of 4 GiB is buffered")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use proptest::prelude::*;

    /// Where the strings that are `x` begin, except keys.
    fn strings_of(text: &str) -> Vec<usize> {
        let text = text.as_bytes();
        let wanted = json::strings(text).filter(|token| token.raw(text) == b"x" && !token.is_key(text));
        wanted.map(|token| token.open).collect()
    }

    fn leaves(text: &str, most: usize) -> Vec<&str> {
        containers(text.as_bytes(), &strings_of(text), most).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn the_smallest_containers_leave_that_make_few_enough() {
        let pairs = r#"{"a":["x","x"],"b":{"c":["x","x","x"]},"d":[["x"]],"x":"y"}"#;
        assert_eq!(leaves(pairs, 6), [""; 0]);
        assert_eq!(leaves(pairs, 5), [r#"["x","x"]"#], "the larger one is taken apart first");
        assert_eq!(leaves(pairs, 4), [r#"["x","x","x"]"#]);
        assert_eq!(leaves(pairs, 3), [r#"["x","x"]"#, r#"["x","x","x"]"#]);
        assert_eq!(leaves(pairs, 2), [pairs], "what is in its members is too much");
        assert_eq!(leaves(r#" ["x",{"a":"x"},1] "#, 1), [r#"["x",{"a":"x"},1]"#]);
        assert_eq!(leaves(r#"{"a":{"b":[["x","x"]]},"c":"y"}"#, 1), [r#"["x","x"]"#]);
        assert_eq!(leaves(r#""x""#, 0), [""; 0], "nothing is around it");
    }

    fn document() -> impl Strategy<Value = String> {
        let leaf =
            prop_oneof![2 => Just(r#""x""#.to_owned()), 1 => Just(r#""y]""#.to_owned()), 1 => Just("1".to_owned())];
        leaf.prop_recursive(5, 48, 6, |inner| {
            let member = (prop_oneof![Just("x"), Just("k")], inner.clone())
                .prop_map(|(key, value)| format!("\"{key}\" : {value}"));
            prop_oneof![
                proptest::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(", "))),
                proptest::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    /// How many values leave if `whole` leave as a whole.
    fn count(strings: &[usize], whole: &[Range<usize>]) -> usize {
        let outside = strings.iter().filter(|start| !whole.iter().any(|span| span.contains(start)));
        outside.count() + whole.len()
    }

    proptest! {
        #[test]
        fn what_leaves_is_few_enough_and_cannot_be_taken_apart(text in document(), most in 1_usize..9) {
            let strings = strings_of(&text);
            let whole = containers(text.as_bytes(), &strings, most);
            prop_assert!(count(&strings, &whole) <= most.max(usize::from(!strings.is_empty())));
            prop_assert!(whole.windows(2).all(|pair| pair[0].end <= pair[1].start));
            prop_assert!(strings.len() > most || whole.is_empty());
            for (nth, span) in whole.iter().enumerate() {
                prop_assert!(json::is_valid(&text.as_bytes()[span.clone()]) && json::opens_container(&text.as_bytes()[span.clone()]));
                // Its members, and where only one of them holds any of the strings, that one's.
                let holds = |value: &Range<usize>| strings.iter().any(|start| value.contains(start));
                let members: Vec<_> = json::members(text.as_bytes(), span.start).map(|(_, value)| value).filter(holds).collect();
                prop_assert!(members.len() > 1, "{:?}", &text[span.clone()]);
                let mut apart = whole.clone();
                apart.splice(nth..=nth, members.into_iter().filter(|value| text.as_bytes()[value.start] != b'"'));
                prop_assert!(count(&strings, &apart) > most);
            }
        }

        #[test]
        fn any_bytes_are_searched_without_a_panic(text in "[\\[\\]{}\"x\\\\,:]{0,60}", most in 0_usize..3) {
            let strings: Vec<_> = (0..text.len()).filter(|&at| text.as_bytes()[at] == b'"').collect();
            let _ = containers(text.as_bytes(), &strings, most);
        }
    }
}
