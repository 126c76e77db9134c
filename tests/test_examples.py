"""What can be checked of the phone examples where they cannot be built."""

import re
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree

import pytest
import tree_sitter_kotlin
import tree_sitter_swift
from tree_sitter import Language, Parser

from keras_resnet.export.files import FORMAT_FILES, FRAMING
from keras_resnet.utils.framing import MODES, Framing
from keras_resnet.utils.labels import LABELS

EXAMPLES = Path(__file__).parent.parent / "examples"
ANDROID, IOS = EXAMPLES / "android", EXAMPLES / "ios"
MAIN = ANDROID / "app/src/main"
KOTLIN = sorted(MAIN.rglob("*.kt"))
GRADLE = [ANDROID / "settings.gradle.kts", ANDROID / "app/build.gradle.kts"]
SWIFT = sorted(path for name in ("App", "LiteRT", "MediaPipe") for path in IOS.glob(f"{name}/*"))
GRAMMARS = {".kt": tree_sitter_kotlin, ".kts": tree_sitter_kotlin, ".swift": tree_sitter_swift}
EXPORTED = {*FORMAT_FILES.values(), LABELS, FRAMING}
NAME = "{http://schemas.android.com/apk/res/android}name"


def text(*paths):
    return "\n".join(path.read_text() for path in paths)


def assets(source):
    return set(re.findall(r"\w+\.(?:tflite|txt|json)\b(?!\.)", source))


def ios_targets():
    """For each target in `project.yml`, its sources."""
    targets = text(IOS / "project.yml").split("\ntargets:\n")[1]
    blocks = re.findall(r"^  (\w+):\n((?:    .*\n)+)", targets, re.MULTILINE)
    return {name: re.findall(r"- (?:path: )?(\S+)", block) for name, block in blocks}


@pytest.mark.parametrize("path", [*KOTLIN, *GRADLE, *SWIFT], ids=lambda path: path.name)
def test_the_sources_parse(path):
    grammar = Language(GRAMMARS[path.suffix].language())
    assert not Parser(grammar).parse(path.read_bytes()).root_node.has_error


def test_the_android_resources_fit_the_code():
    (activity,) = ElementTree.parse(MAIN / "AndroidManifest.xml").iter("activity")
    name = activity.get(NAME)
    assert f"class {name.removeprefix('.')} :" in text(*KOTLIN)
    layouts = {path.stem: path for path in (MAIN / "res/layout").iterdir()}
    for path in layouts.values():
        ElementTree.parse(path)
    ids = set(re.findall(r"@\+id/(\w+)", text(*layouts.values())))
    assert set(re.findall(r"R\.layout\.(\w+)", text(*KOTLIN))) == set(layouts)
    assert set(re.findall(r"R\.id\.(\w+)", text(*KOTLIN))) == ids


def test_litert_comes_with_its_gpu():
    versions = dict(re.findall(r'implementation\("(\S+):(\S+)"\)', text(*GRADLE)))
    litert = "com.google.ai.edge.litert:litert"
    assert versions[litert] == versions[f"{litert}-gpu"]
    assert "com.google.mediapipe:tasks-vision" in versions


def test_the_modules_and_targets_exist():
    for module in re.findall(r'include\(":(\w+)"\)', text(*GRADLE)):
        assert (ANDROID / module / "build.gradle.kts").exists()
    assert re.findall(r"target '(\w+)'", text(IOS / "Podfile")) == list(ios_targets())


def test_android_ships_the_files_of_a_run():
    shipped = assets(text(*GRADLE))
    assert shipped == assets(text(*KOTLIN))
    assert shipped <= EXPORTED
    (runs,) = re.findall(r'"(\S+)/\$name"', text(*GRADLE))
    assert (ANDROID / runs).resolve() == EXAMPLES.parent / "saved_models"


def test_the_run_that_is_shipped_comes_with_the_repository():
    (name,) = re.findall(r"^run=(.+)$", text(ANDROID / "gradle.properties"), re.MULTILINE)
    assert f"RUN={name} xcodegen" in text(IOS / "README.md")
    for file in assets(text(*GRADLE)):
        assert (EXAMPLES.parent / "saved_models" / name / file).is_file()


@pytest.mark.parametrize("target", ios_targets())
def test_ios_ships_the_files_of_a_run(target):
    sources = ios_targets()[target]
    shipped = assets("\n".join(sources))
    folders = [IOS / source for source in sources if not assets(source)]
    assert shipped == assets(text(*(path for folder in folders for path in folder.iterdir())))
    assert shipped <= EXPORTED
    for source in set(sources) - {folder.name for folder in folders}:
        assert (IOS / source).parents[1].resolve() == EXAMPLES.parent / "saved_models"


@pytest.mark.parametrize("sources", [KOTLIN, SWIFT], ids=["android", "ios"])
def test_phones_read_all_of_the_framing(sources):
    words = {*re.findall(r"\w+", text(*sources))}
    assert words > {"width", "height"} | {field.name for field in fields(Framing)}
    assert words > {*MODES} - {"stretch"}  # which is what is left


@pytest.mark.parametrize("folder", [ANDROID, IOS], ids=lambda folder: folder.name)
def test_the_readme_names_files_that_exist(folder):
    readme = text(folder / "README.md")
    assert "Not built here" in readme
    assert assets(readme) <= EXPORTED
    for name in re.findall(r"`(\S+\.(?:kts?|swift|yml|py|properties))`", readme):
        assert any(folder.rglob(name)) or (EXAMPLES.parent / name).exists(), name
