"""Weights on the Hugging Face Hub: `hf://OWNER/NAME`, or `hf://OWNER/NAME@REVISION`.

`huggingface_hub` fetches and caches them. Its environment variables hold: `HF_HOME` is where,
`HF_TOKEN` who, `HF_ENDPOINT` which server, and `HF_HUB_OFFLINE=1` takes what is in the cache.
"""

import re
from pathlib import Path

from keras_resnet.utils.errors import InputError, sentence, shorten
from keras_resnet.utils.extras import explain_missing
from keras_resnet.utils.files import sha256
from keras_resnet.weights.hub_config import read_hub_config

PREFIX = "hf://"
SOURCE = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
CONFIG = "config.json"
FILES = ("model.safetensors", "pytorch_model.bin")  # of a repository, the better one first
SHA256 = re.compile(r"[0-9a-f]{64}")  # the name of a large file in the cache


def is_hub(source) -> bool:
    """Whether a source of weights is on the Hub."""
    return isinstance(source, str) and source.startswith(PREFIX)


def download(source: str) -> Path:
    """Fetches weights, or finds them in the cache.

    Args:
        source: `hf://OWNER/NAME`, with `@` and a branch, a tag or a commit if it matters.

    Returns:
        The weight file, with the `config.json` of the repository beside it.

    Raises:
        InputError: if there is no such repository or revision, no weights in it, or no network.
    """
    match = SOURCE.fullmatch(source)
    if not match:
        raise InputError(
            f"{shorten(source)} is no place on the Hugging Face Hub: write "
            "hf://OWNER/NAME or hf://OWNER/NAME@REVISION, as in hf://timm/resnet18.a1_in1k."
        )
    repository, revision = match.groups()
    with explain_missing():
        import huggingface_hub
        from huggingface_hub import errors
    reasons = (  # the first that fits
        (
            errors.GatedRepoError,
            "its owner asks for consent: give it on the page of the model, and set HF_TOKEN",
        ),
        (errors.RepositoryNotFoundError, "there is no such model, or it is private: set HF_TOKEN"),
        (errors.RevisionNotFoundError, f"it has no revision {revision!r}: leave it out"),
        (
            (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError),
            "it is not in the cache, and there is no way to the Hub: fetch it where there is a "
            "network, unset HF_HUB_OFFLINE, or give weights=FILE",
        ),
        (Exception, ""),  # of several libraries, for anything from a certificate to a full disk
    )

    def fetch(*names: str) -> Path:
        """The first of some files that the repository has."""
        for name in names:
            try:
                return Path(huggingface_hub.hf_hub_download(repository, name, revision=revision))
            except errors.RemoteEntryNotFoundError:
                continue
            except Exception as error:
                reason = next(text for kind, text in reasons if isinstance(error, kind))
                raise InputError(f"cannot fetch {source}: {reason or sentence(error)}.") from error
        raise InputError(f"{source} has no {' or '.join(names)}: choose another model.")

    config = fetch(CONFIG)
    if read_hub_config(config) is None:  # before much is fetched
        raise InputError(
            f"the {CONFIG} of {source} says no plain ResNet: choose one of timm or transformers."
        )
    return _checked(fetch(*FILES), source)


def _checked(weights: Path, source: str) -> Path:
    """A file of the cache, if its content is what its name there says; small ones have others."""
    name = weights.resolve().name
    if SHA256.fullmatch(name) and sha256(weights) != name:
        raise InputError(
            f"{weights} is not the file of {source}, its SHA-256 differs: to fetch it again, "
            f"remove {weights.resolve()}."
        )
    return weights
