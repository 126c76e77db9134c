"""The web example in a real browser: what it shows is what Python says of the same images."""

import contextlib
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from sklearn.datasets import load_sample_images

from keras_resnet.utils.framing import Framing
from train.data.images import read_image

ROOT = Path(__file__).parents[2]
WEB = ROOT / "examples" / "web"
SIDE = 32
SIZES = [
    (32, 32, False, "stretch"), (28, 28, True, "crop"), (64, 96, False, "pad"),
    (400, 21, False, "stretch"), (31, 64, False, "pad"), (60, 33, False, "crop"),
]  # fmt: skip

needs_a_browser = pytest.mark.needs("chromium", "node", "npm")


def photographs():
    return [Image.fromarray(pixels) for pixels in load_sample_images().images]


def draw(folder):
    """Writes pictures of the input size, a large, a grey and a partly transparent one."""
    folder.mkdir()
    photos = photographs()
    for i, photo in enumerate(photos):
        left, top = photo.width // 2 - SIDE // 2, photo.height // 2 - SIDE // 2
        photo.crop((left, top, left + SIDE, top + SIDE)).save(folder / f"crop_{i}.png")
    large = photos[-1]
    large.save(folder / "large.png")
    large.convert("L").save(folder / "grey.png")
    hole = Image.new("L", large.size, 255)
    hole.paste(128, (0, 0, large.width // 2, large.height // 2))
    large.putalpha(hole)
    large.save(folder / "transparent.png")
    return sorted(folder.iterdir())


def draw_odd(folder):
    """Writes a wide picture, a high one, a grey one, and one that EXIF turns.

    Only that one is JPEG, and small: decoders differ, and of large ones Python decodes a part.
    """
    folder.mkdir()
    photo, turn = photographs()[-1], Image.Exif()
    turn[0x0112] = 6
    photo.resize((96, 30)).save(folder / "wide.png")
    photo.resize((31, 60)).save(folder / "high.png")
    photo.resize((50, 40)).convert("L").save(folder / "grey.png")
    photo.resize((60, 40)).save(folder / "turned.jpg", quality=95, subsampling=0, exif=turn)
    return sorted(folder.iterdir())


@contextlib.contextmanager
def served(*arguments):
    """The address at which the page is served meanwhile."""
    command = [sys.executable, WEB / "serve.py", "--port=0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().split()[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("pictures") / "all")


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return draw_odd(tmp_path_factory.mktemp("odd") / "all")


@pytest.fixture(scope="module")
def seen(browse, digits_run, pictures, odd, tmp_path_factory):
    """What a user of the page sees."""
    page = tmp_path_factory.mktemp("web")
    samples = tmp_path_factory.mktemp("samples")
    shutil.copy(pictures[0].parent / "large.png", samples / "a sample.png")
    flags = f"--run={digits_run}", f"--samples={samples}", f"--output_dir={page}"
    with served(*flags) as url:
        types = {}
        for name in ("", "page.js", "runtime/litert_wasm_internal.wasm"):
            with urllib.request.urlopen(f"{url}/{name}") as reply:
                types[name] = reply.headers["Content-Type"]
        found = browse(
            "use.mjs",
            url=f"{url}/",
            folder=str(page),
            pictures=list(map(str, pictures)),
            sample="a sample.png",
            odd=list(map(str, odd)),
            sizes=[
                {"grey": grey, "framing": {"width": w, "height": h, "resize": r, "crop_ratio": 0.9}}
                for h, w, grey, r in SIZES
            ],
        )
    return found | {"url": url, "types": types}


@pytest.fixture(scope="module")
def expected(digits_run):
    """A function of a path and a framing: the probabilities of all classes, in Python."""
    labels = (digits_run / "labels.txt").read_text().split("\n")
    classify = Interpreter(str(digits_run / "model.tflite")).get_signature_runner()

    def scores(path, framing=None):
        image = read_image(path, (SIDE, SIDE, 3), framing).astype("float32")
        return dict(zip(labels, classify(image=image[None])["output_0"][0], strict=False))

    return scores


def assert_top_five(card, expected, within=1e-3):
    shown = {label: probability for label, probability, _ in card["scores"]}
    assert shown == pytest.approx({label: expected[label] for label in shown}, abs=within)
    best = sorted(expected.values(), reverse=True)[:5]
    assert [probability for _, probability, _ in card["scores"]] == pytest.approx(best, abs=within)
    for _, probability, text in card["scores"]:
        assert text == f"{probability:.1%}"
    assert float(card["milliseconds"].removesuffix(" ms")) > 0


@needs_a_browser
def test_the_page_shows_the_scores_of_the_python_client(seen, pictures, expected):
    assert seen["names"] == [path.name for path in pictures]
    for path in pictures:
        assert_top_five(seen["cards"][path.name], expected(path))
    assert seen["status"].startswith(f"{len(pictures)} images classified, ")


@needs_a_browser
def test_samples_and_dropped_files_are_classified(seen, pictures, expected):
    large = expected(pictures[0].parent / "large.png")
    assert_top_five(seen["sample"], large)
    assert_top_five(seen["dropped"], large)


@needs_a_browser
@pytest.mark.parametrize("number", range(len(SIZES)))
def test_pictures_are_scaled_to_the_pixels_of_training(seen, pictures, number):
    height, width, grey, resize = SIZES[number]
    ours = np.array(seen["pixels"][number]).reshape(height, width, 4)
    shape = height, width, 1 if grey else 3
    framing = Framing(resize=resize, crop_ratio=0.9)
    theirs = read_image(pictures[0].parent / "large.png", shape, framing)
    np.testing.assert_array_equal(ours[..., :3], np.broadcast_to(theirs, (height, width, 3)))


@needs_a_browser
def test_pictures_are_framed_as_the_run_was_trained(seen, odd, expected):
    assert {*seen["padded"]} == {path.name for path in odd}
    for path in odd:
        probabilities = expected(path, Framing(resize="pad"))
        within = 5e-3 if path.suffix == ".jpg" else 1e-3
        assert_top_five(seen["padded"][path.name], probabilities, within)


@needs_a_browser
def test_the_camera_is_classified_live_until_it_is_stopped(seen):
    assert len(seen["camera"]["scores"]) == 5
    assert float(seen["camera"]["milliseconds"].removesuffix(" ms")) > 0
    assert seen["cameraMoves"]
    assert not seen["cameraStays"]


@needs_a_browser
def test_what_goes_wrong_is_said_in_the_page(seen):
    assert seen["noImage"] == "“notes.txt” is not an image that this browser can read."
    assert seen["noCamera"].startswith("The camera is not allowed: ")
    assert seen["badModel"].startswith("LiteRT.js cannot run model.tflite: ")
    assert seen["noModel"] == "model.tflite cannot be loaded (404): build the page again."


@needs_a_browser
def test_the_page_names_the_model_and_fits_a_phone(seen):
    assert seen["title"] == "digits"
    assert seen["about"].startswith("10 classes · 32 ")
    assert seen["phoneWidth"] <= 390


@needs_a_browser
def test_nothing_leaves_this_machine_and_nothing_complains(seen):
    own = (f"{seen['url']}/", f"blob:{seen['url']}/")
    assert len(seen["requests"]) > 10
    assert [url for url in seen["requests"] if not url.startswith(own)] == []
    assert seen["complaints"] == []


@needs_a_browser
def test_files_are_served_with_the_types_browsers_insist_on(seen):
    assert list(seen["types"].values()) == ["text/html", "text/javascript", "application/wasm"]


def refusal(script, *arguments):
    done = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_what_is_missing_is_named(tmp_path):
    assert "has no model.tflite" in refusal(WEB / "serve.py", f"--run={tmp_path}")
    (tmp_path / "model.tflite").touch()
    assert "has no labels.txt" in refusal(WEB / "serve.py", f"--run={tmp_path}")
    (tmp_path / "labels.txt").touch()
    assert "has no framing.json" in refusal(WEB / "serve.py", f"--run={tmp_path}")
    (tmp_path / "framing.json").touch()
    for samples, said in ((tmp_path, "has no .jpeg, .jpg"), (tmp_path / "no", "is not a folder")):
        flags = f"--run={tmp_path}", f"--samples={samples}"
        assert said in refusal(WEB / "serve.py", *flags)
    alone = shutil.copy(WEB / "serve.py", tmp_path)
    assert "run `npm ci` in" in refusal(alone, f"--run={tmp_path}")


@needs_a_browser
def test_a_port_that_is_taken_is_named(packages, digits_run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        flags = f"--run={digits_run}", f"--output_dir={tmp_path}"
        port = other.getsockname()[1]
        said = refusal(WEB / "serve.py", *flags, f"--port={port}")
    assert f"cannot use port {port} " in said
