//! Files that lean on each other: the strongly connected sets of two files or more.

use super::arrows::Arrows;
use super::source::Source;

/// The circles, the largest first.
#[must_use]
pub fn circles(arrows: &Arrows) -> Vec<Vec<usize>> {
    let reach: Vec<Vec<bool>> = (0..arrows.len()).map(|from| reached(arrows, from)).collect();
    let both = |a: usize, b: usize| at(&reach, a, b) && at(&reach, b, a);
    let mut found: Vec<Vec<usize>> = Vec::new();
    for file in 0..arrows.len() {
        if found.iter().any(|circle| circle.contains(&file)) {
            continue;
        }
        let circle: Vec<usize> = (0..arrows.len()).filter(|other| *other == file || both(file, *other)).collect();
        if circle.len() > 1 {
            found.push(circle);
        }
    }
    found.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    found
}

fn at(reach: &[Vec<bool>], from: usize, to: usize) -> bool {
    reach.get(from).and_then(|row| row.get(to)).copied().unwrap_or(false)
}

fn reached(arrows: &Arrows, from: usize) -> Vec<bool> {
    let mut seen = vec![false; arrows.len()];
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in arrows.get(file).into_iter().flatten() {
            if let Some(was) = seen.get_mut(*next)
                && !*was
            {
                *was = true;
                open.push(*next);
            }
        }
    }
    seen
}

/// The arrows without those between a room's front and what lies behind it: `mod.rs` and its folder, `door.rs` and `door/`.
#[must_use]
pub fn without_fronts(arrows: &Arrows, sources: &[Source]) -> Arrows {
    let is_front = |front: usize, behind: usize| match (sources.get(front), sources.get(behind)) {
        (Some(front), Some(behind)) => {
            behind.module.len() > front.module.len() && behind.module.starts_with(&front.module)
        }
        _ => false,
    };
    let kept = |from: usize, to: usize| !is_front(from, to) && !is_front(to, from);
    arrows.iter().enumerate().map(|(from, to)| to.iter().copied().filter(|to| kept(from, *to)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found_and_a_chain_is_none() {
        let arrows: Arrows = vec![[1].into(), [2].into(), [0].into(), [0].into()];
        assert_eq!(circles(&arrows), [[0, 1, 2]]);
        assert!(circles(&vec![[1].into(), [2].into(), [].into()]).is_empty());
    }
}
