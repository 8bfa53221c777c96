//! What a process asks of the system before it does anything else, and who may read
//! the files it makes.

use anyhow::{Context, bail};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, umask};
use nix::unistd::{Gid, Group, chown, getegid};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Files are made 0600, directories 0700.
const OURS_ALONE: Mode = Mode::from_bits_truncate(0o077);

/// Files are made 0640, directories 0750.
const FOR_A_GROUP: Mode = Mode::from_bits_truncate(0o027);

const FILE_OF_A_GROUP: Mode = Mode::from_bits_truncate(0o640);

/// The data directory of a group.
const DIRECTORY_OF_A_GROUP: Mode = Mode::from_bits_truncate(0o750);

/// The same where this process belongs to another group first: what is made in the
/// directory belongs to the directory's group too. The unit allows no such bit.
const DIRECTORY_FOR_A_GROUP: Mode = Mode::from_bits_truncate(0o2750);

/// Set before any other thread starts. What the system refuses here it refuses a process
/// that can do without.
///
/// Returns the permissions that this user is used to.
pub fn prepare() -> Mode {
    // A file that meets a limit is then an error of that write, not the end of the process.
    let mut limits = SigSet::empty();
    limits.add(Signal::SIGXFSZ);
    let _ = limits.thread_block();
    // A core would hold passwords and tokens.
    let _ = prctl::set_dumpable(false);
    umask(OURS_ALONE)
}

/// For a file that is meant for others too.
pub fn share_as(usual: Mode) {
    umask(usual);
}

/// Lets the group of that name read the data directory, what is in it, and what is made
/// from now on.
///
/// # Errors
/// There is no such group, or this user may not give the directory to it.
pub fn share_directory(directory: &Path, group: &str) -> anyhow::Result<()> {
    let gid = find(group)?;
    umask(FOR_A_GROUP);
    let place = directory.display();
    std::fs::create_dir_all(directory).with_context(|| format!("failed to make `{place}`"))?;
    give(directory, gid, group)?;
    let mode = if getegid() == gid { DIRECTORY_OF_A_GROUP } else { DIRECTORY_FOR_A_GROUP };
    allow(directory, mode)?;
    for entry in std::fs::read_dir(directory).with_context(|| format!("failed to read `{place}`"))? {
        let file = entry.with_context(|| format!("failed to read `{place}`"))?.path();
        // A log that the last connection takes away meanwhile needs nothing.
        if file.is_file()
            && give(&file, gid, group).and_then(|()| allow(&file, FILE_OF_A_GROUP)).is_err()
            && file.exists()
        {
            bail!("failed to let the group `{group}` read `{}`", file.display());
        }
    }
    Ok(())
}

/// Sets the permissions of a file or directory that has others.
fn allow(path: &Path, mode: Mode) -> anyhow::Result<()> {
    let is_set = std::fs::metadata(path).is_ok_and(|file| file.mode() & 0o7777 == mode.bits());
    if is_set {
        return Ok(());
    }
    fchmodat(nix::fcntl::AT_FDCWD, path, mode, FchmodatFlags::FollowSymlink)
        .map_err(std::io::Error::from)
        .with_context(|| format!("failed to set the permissions of `{}`", path.display()))
}

/// Lets the group of that name read a file that lies elsewhere.
///
/// # Errors
/// As [`share_directory`].
pub fn share_file(file: &Path, group: &str) -> anyhow::Result<()> {
    give(file, find(group)?, group)?;
    allow(file, FILE_OF_A_GROUP)
}

/// Whether there is a group of that name.
///
/// # Errors
/// There is none.
pub fn check_group(group: &str) -> anyhow::Result<()> {
    find(group).map(drop)
}

fn give(path: &Path, gid: Gid, group: &str) -> anyhow::Result<()> {
    let is_given = std::fs::metadata(path).is_ok_and(|file| file.gid() == gid.as_raw());
    if is_given {
        return Ok(());
    }
    chown(path, None, Some(gid)).map_err(std::io::Error::from).with_context(|| {
        let place = path.display();
        format!("failed to give `{place}` to the group `{group}`; add the user of newswatch to that group")
    })
}

fn find(group: &str) -> anyhow::Result<Gid> {
    let found = Group::from_name(group).with_context(|| format!("failed to look for the group `{group}`"))?;
    let found = found.with_context(|| {
        format!(
            "there is no group `{group}`, set by `group` in `[daemon]`; `groupadd --system {group}` makes it"
        )
    })?;
    Ok(found.gid)
}
