"""`mmcv._ext` for environments with mmcv-lite (MINIMAL PLACEHOLDER, being replaced)."""
import importlib.abc, importlib.machinery, importlib.util, sys, types

class _M(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        def op(*a, **k):
            raise NotImplementedError(f"mmcv op {name}")
        return op

class _F(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        if fullname == "mmcv._ext":
            return importlib.machinery.ModuleSpec(fullname, self)
    def create_module(self, spec):
        return _M(spec.name)
    def exec_module(self, module):
        pass

def install():
    if not any(isinstance(f, _F) for f in sys.meta_path):
        sys.meta_path.append(_F())
