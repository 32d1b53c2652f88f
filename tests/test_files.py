"""Whatever is written is written whole or not at all, through links and into devices."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from froude.errors import InputError
from froude.files import write_file, write_files, write_outputs
from limits import file_limit, fill, mounted, remount


def names(folder: Path) -> set[str]:
    """What lies in a folder, hidden files too."""
    return set(os.listdir(folder))


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "a", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_replaced_file_keeps_its_mode(tmp_path, mode):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(mode)
    write_file(tmp_path / "a", b"new")
    assert ((tmp_path / "a").read_bytes(), stat.S_IMODE((tmp_path / "a").stat().st_mode)) == (b"new", mode)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give files away")
def test_a_replaced_file_keeps_its_owner(tmp_path):
    (tmp_path / "a").touch()
    os.chown(tmp_path / "a", 1234, 2345)
    write_file(tmp_path / "a", b"new")
    assert ((tmp_path / "a").stat().st_uid, (tmp_path / "a").stat().st_gid) == (1234, 2345)


def test_a_link_stays_a_link_and_what_it_points_to_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_bytes(b"old")
    (tmp_path / "middle").symlink_to("far/file")
    (tmp_path / "link").symlink_to("middle")
    write_outputs({tmp_path / "link": b"new"})
    assert os.readlink(tmp_path / "link") == "middle"
    assert os.readlink(tmp_path / "middle") == "far/file"
    assert (tmp_path / "far" / "file").read_bytes() == b"new"
    assert (names(tmp_path), names(tmp_path / "far")) == ({"far", "middle", "link"}, {"file"})


def test_a_link_to_nothing_is_written_through(tmp_path):
    (tmp_path / "link").symlink_to("new")
    write_outputs({tmp_path / "link": b"1"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new").read_bytes() == b"1"


def test_a_link_to_itself_is_refused_by_name(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=r"cannot write '.*loop' \(Too many levels of symbolic links\)"):
        write_outputs({tmp_path / "loop": b"1"})


def test_a_fifo_gets_the_bytes_and_stays_a_fifo(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()), daemon=True)
    reader.start()
    write_outputs({tmp_path / "pipe": b"x" * 100_000})
    reader.join()
    assert got == [b"x" * 100_000]
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == {"pipe"}


def test_a_reader_of_a_fifo_that_leaves_is_told_by_name(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: open(tmp_path / "pipe", "rb").close(), daemon=True)
    reader.start()
    with pytest.raises(InputError, match=r"cannot write '.*pipe' \(Broken pipe\)"):
        write_outputs({tmp_path / "pipe": bytes(2**20)})
    reader.join()


@pytest.fixture
def device(tmp_path: Path) -> Callable[[str, int], Path]:
    """Makes a device of a number; only root may."""

    def make(name: str, minor: int) -> Path:
        try:
            os.mknod(tmp_path / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
            (tmp_path / name).read_bytes() if minor == 3 else None
        except OSError:
            pytest.skip("devices cannot be made here")
        return tmp_path / name

    return make


def test_a_device_is_written_to_and_stays_one(device):
    null = device("null", 3)
    write_outputs({null: b"1"})
    assert null.is_char_device()
    assert names(null.parent) == {"null"}


def test_a_full_device_is_told_by_name(device):
    full = device("full", 7)
    with pytest.raises(InputError, match=r"cannot write '.*full' \(No space left on device\): free some space"):
        write_outputs({full: b"1"})
    assert full.is_char_device()


def test_a_folder_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"cannot write '.*folder' \(Is a directory\)"):
        write_outputs({tmp_path / "folder": b"1"})
    assert names(tmp_path) == {"folder"}


def test_a_name_as_long_as_names_may_be_is_written(tmp_path):
    write_outputs({tmp_path / ("a" * 255): b"1"})
    assert names(tmp_path) == {"a" * 255}
    with pytest.raises(InputError, match="File name too long"):
        write_outputs({tmp_path / ("a" * 256): b"1"})


def test_what_is_kept_in_a_study_takes_the_place_of_a_link_and_a_fifo(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_files({tmp_path / "pipe": b"1", tmp_path / "link": b"2"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"pipe": b"1", "link": b"2", "file": b"old"}


def two(folder: Path) -> dict[Path, bytes]:
    """Two files to be written, the second larger."""
    return {folder / "a": b"new", folder / "b": b"new" * 100}


def test_of_several_files_all_are_written_or_none(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with file_limit(100), pytest.raises(InputError, match=r"cannot write '.*b' \(File too large\): raise the limit"):
        write_outputs(two(tmp_path))
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == {"a"}
    write_files(two(tmp_path))
    assert {path: path.read_bytes() for path in two(tmp_path)} == two(tmp_path)
    assert names(tmp_path) == {"a", "b"}


def test_folders_are_made_and_none_is_left_where_writing_fails(tmp_path):
    new = tmp_path / "x" / "y"
    with file_limit(100), pytest.raises(InputError, match="File too large"):
        write_outputs(two(new), make_folders=True)
    assert names(tmp_path) == set()
    with pytest.raises(InputError, match=r"y/a' \(No such file or directory\): make its folder"):
        write_outputs(two(new))
    write_outputs(two(new), make_folders=True)
    assert names(new) == {"a", "b"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    with mounted(tmp_path / "disk", 65536) as folder:
        yield folder


def test_a_full_disk_leaves_old_files_and_no_hidden_ones(disk):
    (disk / "a").write_bytes(b"old")
    fill(disk)
    with pytest.raises(InputError, match=r"cannot write '.*a' \(No space left on device\): free some space"):
        write_outputs(two(disk))
    assert (disk / "a").read_bytes() == b"old"
    assert names(disk) == {"a", "filler"}
    (disk / "filler").unlink()
    write_outputs(two(disk))
    assert (disk / "a").read_bytes() == b"new"


def test_a_disk_that_may_only_be_read_is_told_by_name(disk):
    (disk / "a").write_bytes(b"old")
    remount(disk, "ro")
    with pytest.raises(InputError, match=r"cannot write '.*a' \(Read-only file system\): name another file"):
        write_outputs(two(disk))
    assert names(disk) == {"a"}
