"""Files of a data set's archive by their base names, unpacked or not."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import loadmat


@dataclass(frozen=True)
class Archive:
    """A data set as a folder or as its original zip file.

    Attributes:
        path: Folder or zip file.
        members: Base name -> place of the file inside; LSP has each image a second time, with the pose drawn, in a
            folder `visualized`, which is not taken.
    """

    path: Path
    members: dict[str, str]

    @classmethod
    def open(cls, path: str | Path, *, needed: str) -> Archive:
        """List what is inside.

        Args:
            path: Folder or zip file.
            needed: Base name of a file that tells the right archive.

        Returns:
            The archive.

        Raises:
            ValueError: If it is neither, or the needed file is not inside.
        """
        path = Path(path)
        if path.is_dir():
            names = [str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()]
        elif path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        else:
            raise ValueError(f"expected a folder or zip file, got {path}")
        names.sort(key=lambda name: "visualized" not in Path(name.replace("\\", "/")).parts)  # the last one stays
        members = {name.replace("\\", "/").rsplit("/", 1)[-1]: name for name in names}
        if needed not in members:
            raise ValueError(f"expected {needed} in {path}, found {len(members)} other files")
        return cls(path, members)

    def read(self, names: list[str]) -> Iterator[bytes]:
        """Contents of files, in the order of the names.

        Raises:
            ValueError: If one is missing or damaged.
        """
        missing = [name for name in names if name not in self.members]
        if missing:
            raise ValueError(f"{self.path} lacks {len(missing)} files, the first is {missing[0]}")
        if self.path.is_dir():
            yield from ((self.path / self.members[name]).read_bytes() for name in names)
            return
        try:
            with zipfile.ZipFile(self.path) as archive:
                for name in names:
                    yield archive.read(self.members[name])
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"{self.path} is damaged: {error}") from error

    def read_joints(self) -> np.ndarray:
        """`joints` of `joints.mat`, all numbers; empty if the file has none.

        Raises:
            ValueError: If the file can't be read.
        """
        try:
            content = loadmat(io.BytesIO(next(self.read(["joints.mat"]))))
            return np.asarray(content.get("joints", ()), dtype=float)
        except Exception as error:  # SciPy raises half a dozen classes for a damaged file
            raise ValueError(f"joints.mat of {self.path} can't be read: {error}") from error

    def image_size(self, name: str, data: bytes) -> tuple[int, int]:
        """Width and height of an image, by its header.

        Args:
            name: Of the file, for the message.
            data: Its content.

        Raises:
            ValueError: If it is no image.
        """
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
                return image.size
        except Exception as error:  # Pillow raises half a dozen classes for a damaged file
            raise ValueError(f"expected a JPEG image, {name} of {self.path} can't be read") from error
