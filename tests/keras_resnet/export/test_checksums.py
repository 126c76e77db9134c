"""A damaged file is refused by its checksum, before any reader sees it."""

import hashlib
import subprocess
import zipfile

import numpy as np
import pytest

from keras_resnet.export import checksums

pytestmark = pytest.mark.unit

FILE = checksums.seal(b"a network" + bytes(500) + checksums.ROOM)


def test_one_flipped_bit_is_enough():
    assert checksums.check(FILE)
    for place in range(len(FILE) - 64):
        damaged = bytearray(FILE)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(ValueError, match="not as it was written"):
            checksums.check(bytes(damaged))


def test_the_checksum_of_a_file_is_the_sha_256_of_what_precedes_it():
    assert FILE[-64:] == hashlib.sha256(FILE[:-64]).hexdigest().encode()


def test_a_file_without_a_checksum_is_first_tried_by_a_process_of_its_own(tmp_path):
    path = tmp_path / "model.tflite"
    other = "is not a valid Flatbuffer buffer"
    for content, said in ((FILE[:200], other), (b"", "null/empty"), (b"not a model", other)):
        assert not checksums.check(content)
        path.write_bytes(content)
        with pytest.raises(ValueError, match=said):
            checksums.check_tflite(path)


def test_a_zip_archive_with_other_bytes_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    values = np.random.default_rng(0).bytes(1000)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights", values)
    checksums.check_archive(path)
    path.write_bytes(path.read_bytes().replace(values[500:510], bytes(10)))
    with pytest.raises(ValueError, match="weights: it is not as it was written"):
        checksums.check_archive(path)


@pytest.mark.parametrize("damage", ["changed", "missing", "added"])
def test_the_first_file_of_a_folder_that_is_another_is_named(tmp_path, damage):
    (tmp_path / "variables").mkdir()
    for name in ("graph", "variables/data"):
        (tmp_path / name).write_text(name)
    checksums.check_sums(tmp_path)  # a folder of others, without sums
    checksums.write_sums(tmp_path)
    checksums.check_sums(tmp_path)
    path = tmp_path / ("variables/more" if damage == "added" else "variables/data")
    if damage == "missing":
        path.unlink()
    else:
        path.write_text("other")
    with pytest.raises(ValueError, match=f"{path.relative_to(tmp_path)}: it is not as"):
        checksums.check_sums(tmp_path)


def test_sha256sum_reads_the_checksums_of_a_folder(tmp_path):
    (tmp_path / "graph").write_text("graph")
    checksums.write_sums(tmp_path)
    command = "sha256sum", "--check", checksums.SUMS
    assert subprocess.run(command, cwd=tmp_path).returncode == 0
    (tmp_path / "graph").write_text("other")
    assert subprocess.run(command, cwd=tmp_path).returncode == 1
