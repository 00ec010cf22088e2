"""Files of a data set's archive by their base names, unpacked or not."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


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
        """Contents of files, in the order of the names."""
        missing = [name for name in names if name not in self.members]
        if missing:
            raise ValueError(f"{self.path} lacks {len(missing)} files, the first is {missing[0]}")
        if self.path.is_dir():
            yield from ((self.path / self.members[name]).read_bytes() for name in names)
            return
        with zipfile.ZipFile(self.path) as archive:
            yield from (archive.read(self.members[name]) for name in names)
