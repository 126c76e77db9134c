import hashlib
import os

import pytest

from keras_resnet.utils.errors import InputError
from keras_resnet.utils.files import read_bytes, read_text, sha256, size

pytestmark = pytest.mark.unit


def test_a_regular_file_is_read(tmp_path):
    (tmp_path / "a").write_text("käse")
    assert read_text(tmp_path / "a") == "käse"
    assert size(tmp_path / "a") == 5


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (os.mkfifo, "is a pipe or a device, not a file: give a file"),
        (os.mkdir, "is a folder, not a file: give a file"),
        (lambda path: path.write_bytes(bytes(9)), "has 9 bytes, and such files at most 8"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
)
def test_others_are_named(tmp_path, make, sentence):
    make(tmp_path / "a")
    with pytest.raises(InputError, match=sentence):
        read_bytes(tmp_path / "a", most=8)


def test_names_that_no_file_can_have(tmp_path):
    with pytest.raises(InputError, match="null"):
        read_bytes(tmp_path / "a\0b")
    with pytest.raises(InputError, match="File name too long"):
        read_bytes(tmp_path / ("x" * 5000))
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "file" / "below")


def test_the_sums_of_a_file_and_of_a_folder(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/c").write_bytes(b"def")
    (tmp_path / "a").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")  # not waited for
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert sha256(tmp_path) == hashlib.sha256(b"abcdef").hexdigest()
    assert size(tmp_path) == 6
