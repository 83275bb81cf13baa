# SPDX-License-Identifier: GPL-2.0
"""Pack what the virtual machine sees: a small system, kernel modules, ours.

Everything is copied, nothing is mounted: the stock kernels have no 9p, and a
copy cannot be changed by the machine.
"""

import os
import shutil
import subprocess

from . import TOP, Failure

PASSWD = """root:x:0:0:root:/root:/bin/sh
owner:x:1000:1000::/tmp:/bin/sh
agent:x:1001:1001::/tmp:/bin/sh
user:x:1002:1002::/tmp:/bin/sh
nobody:x:65534:65534::/nonexistent:/bin/false
"""
GROUP = "root:x:0:\nowner:x:1000:\nagent:x:1001:\nuser:x:1002:\nnogroup:x:65534:\n"


def read_list(name):
    """The lines of a file in tests/vm, without comments."""
    with open(os.path.join(TOP, "tests/vm", name)) as file:
        lines = [line.split("#")[0].split() for line in file]
    return [line for line in lines if line]


def run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Initramfs:
    def __init__(self, root):
        self.root = root
        self.libraries = set()
        for path in ("dev", "proc", "sys", "tmp", "run", "out", "root", "etc",
                     "usr/bin", "usr/lib", "usr/lib64", "zkhsm/bin", "zkhsm/tests"):
            os.makedirs(self.at(path))
        os.symlink("bin", self.at("usr/sbin"))
        for path in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + path, self.at(path))

    def at(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def write(self, path, text):
        with open(self.at(path), "w") as file:
            file.write(text)

    def copy(self, source, path):
        os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
        shutil.copy(source, self.at(path))

    def add_program(self, source, path):
        self.copy(source, path)
        os.chmod(self.at(path), 0o755)
        if not is_elf(source):
            return
        for line in self.ldd(source):
            library = next((word for word in line.split() if word.startswith("/")), None)
            if "not found" in line:
                raise Failure(f"{source}: {line.strip()}")
            if library and library not in self.libraries:
                self.libraries.add(library)
                self.copy(library, library)

    @staticmethod
    def ldd(path):
        done = subprocess.run(["ldd", path], capture_output=True, text=True)
        # "not a dynamic executable" is what a static program is.
        return done.stdout.splitlines() if done.returncode == 0 else []

    def add_system(self):
        busybox = shutil.which("busybox")
        if not busybox:
            raise Failure("no busybox: tools/install-deps check")
        self.add_program(busybox, "bin/busybox")
        for (name,) in read_list("programs"):
            source = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
            if not source:
                raise Failure(f"no {name} on this machine: tools/install-deps check")
            self.add_program(os.path.realpath(source), "bin/" + name)
        for name in ("modprobe", "insmod", "rmmod", "lsmod", "modinfo", "depmod"):
            os.symlink("kmod", self.at("bin/" + name))
        for name in run(busybox, "--list").split():
            if not os.path.lexists(self.at("bin/" + name)):
                os.symlink("busybox", self.at("bin/" + name))
        if os.path.exists("/etc/ssl/openssl.cnf"):
            self.copy("/etc/ssl/openssl.cnf", "usr/lib/ssl/openssl.cnf")
        self.write("etc/passwd", PASSWD)
        self.write("etc/group", GROUP)
        self.write("etc/hosts", "127.0.0.1 localhost\n10.0.2.100 host\n")

    def add_init(self):
        sources = os.path.join(TOP, "tests/vm/init")
        run("gcc", "-static", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra",
            "-Werror", "-o", self.at("init"),
            *sorted(os.path.join(sources, name) for name in os.listdir(sources)
                    if name.endswith(".c")))

    def add_kernel_modules(self, release, tree):
        """The modules named in tests/vm/modules and what they depend on."""
        base = tree[:tree.index("/lib/modules/")]
        load = []
        for verb, name in read_list("modules"):
            for line in run("/sbin/modprobe", "-d", base, "-S", release, "--show-depends",
                            name).splitlines():
                if line.startswith("insmod "):
                    path = line.split()[1]
                    self.copy(path, path[len(base):])
            if verb != "pack":
                load.append(f"{verb} {name}\n")
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            self.copy(os.path.join(tree, name), f"lib/modules/{release}/{name}")
        run("/sbin/depmod", "-b", self.root, release)
        self.write("etc/modules", "".join(load))

    def add_project(self, module, built):
        for name in ("zkhsm", "zkhsm-agent", "zkhsmd"):
            path = os.path.join(built, name)
            if os.path.exists(path):
                self.add_program(path, "zkhsm/bin/" + name)
        if module:
            self.copy(module, "zkhsm/zkhsm.ko")
        tests = os.path.join(TOP, "tests")
        for name in os.listdir(tests):
            path = os.path.join(tests, name)
            if name != "vm" and os.path.isdir(path):
                shutil.copytree(path, self.at("zkhsm/tests/" + name), symlinks=True)
        # A built test lies beside its source, as in a kernel tree.
        for directory, _, names in os.walk(os.path.join(built, "tests")):
            for name in names:
                path = os.path.join(directory, name)
                if os.access(path, os.X_OK) and is_elf(path):
                    self.add_program(path, "zkhsm/" + os.path.relpath(path, built))

    def pack(self, image):
        with open(image, "wb") as file:
            find = subprocess.Popen(["find", ".", "-print0"], cwd=self.root,
                                    stdout=subprocess.PIPE)
            status = subprocess.run(["cpio", "--quiet", "-0", "-o", "-H", "newc", "-R", "0:0"],
                                    cwd=self.root, stdin=find.stdout, stdout=file)
            if find.wait() or status.returncode:
                raise Failure("cannot pack the initramfs")


def build(image, kernel, module, built, share_in=None):
    """Write an initramfs for @kernel to the file @image.

    @built has the programs, as the build left them.
    """
    root = image + ".root"
    fs = Initramfs(root)
    try:
        fs.add_init()
        fs.add_system()
        if kernel.modules:
            fs.add_kernel_modules(kernel.release, kernel.modules)
        fs.add_project(module, os.path.abspath(built))
        if share_in:
            shutil.copytree(share_in, fs.at("in"), symlinks=True)
        fs.pack(image)
    finally:
        shutil.rmtree(root)
