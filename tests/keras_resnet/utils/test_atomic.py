import pytest

from keras_resnet.utils.atomic import remove, replacing
from keras_resnet.utils.errors import InputError

pytestmark = pytest.mark.unit


def test_a_file_is_replaced_only_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(path) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "old"
    with replacing(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_only_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a"
    path.mkdir()
    (path / "old.txt").touch()
    with pytest.raises(OSError, match="full"), replacing(path, folder=True) as partial:
        partial.mkdir()
        raise OSError("disk full")
    assert [entry.name for entry in path.iterdir()] == ["old.txt"]
    with replacing(path, folder=True) as partial:
        partial.mkdir()
        (partial / "new.txt").touch()
    assert [entry.name for entry in path.iterdir()] == ["new.txt"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_folder_never_gives_way_to_a_file(tmp_path):
    with pytest.raises(InputError, match="is a folder: give the name"), replacing(tmp_path):
        raise AssertionError("nothing is to be written")
    assert tmp_path.is_dir()


def test_removing_leaves_what_a_link_leads_to(tmp_path):
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    remove(link)
    assert folder.is_dir()
    assert not link.is_symlink()
    for _ in range(2):  # what is not there is no error
        remove(folder)
    assert not folder.exists()
