//! Copies of trees, held against their originals by other means than the copying itself.

use std::{
    fs::{self, File},
    os::{
        fd::AsFd,
        unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
};

use super::*;

/// A tree with one of everything.
fn original(place: &Path) -> PathBuf {
    let top = place.join("old");
    fs::create_dir_all(top.join("store/deep")).unwrap();
    fs::write(top.join("store/a"), "content").unwrap();
    fs::write(top.join("store/deep/empty"), "").unwrap();
    fs::write(
        top.join("store/deep/\u{fc}ml\u{e4}ut name"),
        vec![7; 700_000],
    )
    .unwrap();
    fs::hard_link(top.join("store/a"), top.join("z-second-name")).unwrap();
    symlink("/etc/passwd", top.join("link")).unwrap();
    symlink("store/nowhere", top.join("dangling")).unwrap();
    let sparse = File::create(top.join("sparse")).unwrap();
    sparse.set_len(8 << 20).unwrap();
    sparse.write_all_at(b"in the middle", 4 << 20).unwrap();
    fs::set_permissions(top.join("store/deep"), fs::Permissions::from_mode(0o2750)).unwrap();
    fs::set_permissions(top.join("store/a"), fs::Permissions::from_mode(0o4711)).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        top.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o640),
        0,
    )
    .unwrap();
    // Not every file system has them.
    let _ = rustix::fs::setxattr(
        top.join("store/a"),
        "user.note",
        b"kept",
        rustix::fs::XattrFlags::empty(),
    );
    let old = rustix::fs::Timespec {
        tv_sec: 1_500_000_000,
        tv_nsec: 123_456_789,
    };
    for path in ["store/a", "sparse", "store/deep", "link"] {
        let times = rustix::fs::Timestamps {
            last_access: old,
            last_modification: old,
        };
        rustix::fs::utimensat(
            rustix::fs::CWD,
            top.join(path),
            &times,
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
        )
        .unwrap();
    }
    top
}

/// What `find`, `sha256sum` and `stat` say of a tree.
fn listing(top: &Path) -> String {
    let script = "cd \"$1\" && find . -printf '%p %y %m %U %G %s %T@ %l %n\\n' | sort && find . -type f -exec sha256sum {} + | sort";
    let output = Command::new("sh")
        .args(["-euc", script, "sh"])
        .arg(top)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert!(output.status.success());
    // Directories' own sizes are the file system's business.
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let is_directory = words.get(1) == Some(&"d");
            let kept = words
                .iter()
                .enumerate()
                .filter(|(index, _)| !(is_directory && [5, 8].contains(index)))
                .map(|(_, word)| *word);
            kept.collect::<Vec<_>>().join(" ") + "\n"
        })
        .collect()
}

fn copy_of(old: &Path, new: &Path) -> Result<Copied, TransferError> {
    fs::create_dir_all(new).unwrap();
    let (from, to) = (File::open(old).unwrap(), File::open(new).unwrap());
    copy(from.as_fd(), to.as_fd(), &mut |_| {})
}

#[test]
fn a_copy_is_the_same_in_every_respect() {
    let place = tempfile::tempdir().unwrap();
    let old = original(place.path());
    let new = place.path().join("new");
    let mut told = 0;
    fs::create_dir(&new).unwrap();
    let (from, to) = (File::open(&old).unwrap(), File::open(&new).unwrap());
    let copied = copy(from.as_fd(), to.as_fd(), &mut |bytes| told += bytes).unwrap();
    assert_eq!(listing(&old), listing(&new));
    let amount = measure(from.as_fd()).unwrap();
    assert_eq!(copied.amount, amount);
    assert_eq!(told, amount.bytes);
    assert_eq!(amount.bytes, 7 + 700_000 + (8 << 20));
    assert_eq!(copied.left_out, Vec::<PathBuf>::new());
    // Holes stay holes, and names of one file stay so.
    let sparse = fs::metadata(new.join("sparse")).unwrap();
    assert!(sparse.blocks() * 512 < 1 << 20, "{}", sparse.blocks());
    assert_eq!(
        fs::metadata(new.join("store/a")).unwrap().ino(),
        fs::metadata(new.join("z-second-name")).unwrap().ino()
    );
    let mut kept = [0; 10];
    if rustix::fs::getxattr(old.join("store/a"), "user.note", &mut kept).is_ok() {
        let length = rustix::fs::getxattr(new.join("store/a"), "user.note", &mut kept).unwrap();
        assert_eq!(&kept[..length], b"kept");
    }
}

#[test]
fn an_interrupted_copy_is_carried_on_and_compared_whole() {
    let place = tempfile::tempdir().unwrap();
    let old = original(place.path());
    let new = place.path().join("new");
    copy_of(&old, &new).unwrap();
    // One file half written when the power went, one not begun, one complete but damaged since.
    fs::write(new.join("store/a"), "con").unwrap();
    fs::remove_file(new.join("store/deep/empty")).unwrap();
    let again = copy_of(&old, &new).unwrap();
    assert_eq!(listing(&old), listing(&new));
    assert_eq!(again.found, 2, "the sparse file and the large one");
    let damaged = new.join("sparse");
    let modified = fs::metadata(&damaged).unwrap().modified().unwrap();
    let file = File::options().write(true).open(&damaged).unwrap();
    file.write_all_at(b"rot", 100).unwrap();
    file.set_modified(modified).unwrap();
    assert!(matches!(
        copy_of(&old, &new),
        Err(TransferError::Different(path)) if path == Path::new("sparse")
    ));
}

#[test]
fn what_is_no_copy_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let old = original(place.path());
    let victim = place.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    for name in ["store", "store/a", "link", "pipe"] {
        let new = place.path().join("new");
        let _ = fs::remove_dir_all(&new);
        fs::create_dir_all(new.join(name).parent().unwrap()).unwrap();
        symlink(&victim, new.join(name)).unwrap();
        assert!(
            matches!(copy_of(&old, &new), Err(TransferError::InTheWay(_))),
            "{name}"
        );
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }
}

#[test]
fn room_is_told_in_bytes_and_files() {
    let amount = Amount {
        entries: 10,
        bytes: 1_000,
        allocated: 100_000,
    };
    let room = |bytes, files| Room { bytes, files };
    assert_eq!(room(1_000_000, None).lacks(amount), None);
    assert_eq!(room(1_000_000, Some(10)).lacks(amount), None);
    assert!(
        room(120_000, None)
            .lacks(amount)
            .unwrap()
            .contains("140.9 kB")
    );
    assert!(
        room(1_000_000, Some(9))
            .lacks(amount)
            .unwrap()
            .contains("room for 9")
    );
    let place = tempfile::tempdir().unwrap();
    let here = super::room(File::open(place.path()).unwrap().as_fd()).unwrap();
    assert!(here.bytes > 0);
}

/// The figure; `cargo test --release --lib two_gigabytes -- --ignored --nocapture` shows what it takes.
#[test]
#[ignore = "writes four gigabytes"]
fn two_gigabytes_in_twenty_thousand_files() {
    let place = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let old = place.path().join("old");
    let mut content = vec![0_u8; 100_000];
    for number in 0..20_000_u32 {
        let directory = old.join((number / 200).to_string());
        if number % 200 == 0 {
            fs::create_dir_all(&directory).unwrap();
        }
        content[..4].copy_from_slice(&number.to_le_bytes());
        fs::write(directory.join(number.to_string()), &content).unwrap();
    }
    let begun = std::time::Instant::now();
    let copied = copy_of(&old, &place.path().join("new")).unwrap();
    println!(
        "{} bytes in {} entries: {:?}",
        copied.amount.bytes,
        copied.amount.entries,
        begun.elapsed()
    );
    assert_eq!(copied.amount.bytes, 2_000_000_000);
    assert_eq!(listing(&old), listing(&place.path().join("new")));
}

#[test]
fn a_copy_that_has_more_than_its_original_is_known() {
    let place = tempfile::tempdir().unwrap();
    let top = original(place.path());
    let part = place.path().join("part");
    fs::create_dir_all(part.join("store/deep")).unwrap();
    fs::write(part.join("store/a"), "half").unwrap();
    let goes_beyond = || {
        let (part, top) = (File::open(&part).unwrap(), File::open(&top).unwrap());
        super::goes_beyond(part.as_fd(), top.as_fd()).unwrap()
    };
    assert!(!goes_beyond());
    fs::write(part.join("store/deep/newer"), "").unwrap();
    assert!(goes_beyond());
    fs::remove_file(part.join("store/deep/newer")).unwrap();
    fs::create_dir(part.join("link")).unwrap();
    assert!(goes_beyond());
}
