"""How a network is trained: files of this folder are commands, each folder is one part of them."""
