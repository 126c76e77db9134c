"""How much memory there is."""

import pytest

from keras_resnet import InputError
from train.data import memory

pytestmark = pytest.mark.unit


def test_images_that_do_not_fit_in_memory():
    with pytest.raises(InputError, match="choose a smaller --image_size"):
        memory.check_memory("photos", 10**6, (4000, 4000, 3))


@pytest.mark.parametrize(
    ("group", "file", "place"),
    [
        ("0::/a/b", "memory.max", ""),
        ("0::/a/b", "memory.max", "a"),
        ("0::/elsewhere", "memory.max", ""),
        ("3:cpuset:/\n4:memory:/a", "memory.limit_in_bytes", "memory"),
    ],
)
def test_the_limit_of_a_container_is_found(tmp_path, group, file, place):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"{group}\n")
    assert [*memory.container_limits(tmp_path)] == []
    inner = tmp_path / "sys/fs/cgroup/a/b"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (tmp_path / "sys/fs/cgroup" / place).mkdir(exist_ok=True)
    (tmp_path / "sys/fs/cgroup" / place / file).write_text("2147483648\n")
    assert [*memory.container_limits(tmp_path)] == [2**31]


def test_the_memory_of_this_machine_is_known():
    assert 2**28 < memory.memory() < 2**48
