# SPDX-License-Identifier: GPL-2.0
"""A machine that QEMU emulates."""

import os
import re
import shutil
import subprocess

from . import Failure, cache_dir, control

NAME = "QEMU"
QEMU = "qemu-system-x86_64"
PROCESSORS = 2
CONSOLE = "ttyS0"


def refuse(options):
    if options.disk and options.kernel in ("debug", "kcsan"):
        raise Failure(f"no --disk with {options.kernel}: that kernel has no file system for it;"
                      " take 6.1 or 6.12")


def default_memory(kernel):
    return 1536 if kernel.name in ("debug", "kcsan") else 1024


def kvm_works(image):
    """Trust KVM only after a trial boot: /dev/kvm may open and not work."""
    with open("/proc/cpuinfo") as file:
        if not re.search(r"^flags\s*:.*\b(vmx|svm)\b", file.read(), re.M):
            return False
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with open("/proc/sys/kernel/random/boot_id") as file:
        answer = os.path.join(cache_dir(), "kvm-" + file.read().strip())
    if not os.path.exists(answer):
        with open(answer, "w") as file:
            file.write("yes" if trial_boot(image) else "no")
    with open(answer) as file:
        return file.read() == "yes"


def trial_boot(image):
    """Without a root file system a kernel that runs at all panics and ends."""
    argv = [QEMU, "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", image,
            "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=5)
    except (subprocess.TimeoutExpired, OSError):
        return False
    return b"Kernel panic" in done.stdout and b"Linux version" in done.stdout


def network_args(forward_guest, forward_host):
    """A network of one: the guest reaches the named ports and nothing else."""
    net = "user,id=net,restrict=on,ipv6=off"
    for host, guest in forward_host:
        net += f",hostfwd=tcp:127.0.0.1:{host}-10.0.2.15:{guest}"
    for guest, host in forward_guest:
        # One process per connection; a chardev would serve only the first.
        net += f",guestfwd=tcp:10.0.2.100:{guest}-cmd:socat STDIO TCP4:127.0.0.1:{host},,nodelay"
    if forward_guest and not shutil.which("socat"):
        raise Failure("no socat on this machine: tools/install-deps demo")
    return ["-netdev", net, "-device", "virtio-net-pci,netdev=net,romfile="]


def disk_args(disk):
    """What the guest wrote is in the host's memory when QEMU is killed: it need
    not wait for the host's own disk, only for QEMU."""
    return ["-drive", f"file={disk.path.replace(',', ',,')},format=raw,if=none,id=disk,"
                      "cache=unsafe,discard=unmap",
            "-device", "virtio-blk-pci,drive=disk"]


def command_line(vm, kernel, options, append):
    """@append are the arguments for the kernel, of every machine."""
    argv = [QEMU, "-name", "zkhsm", "-machine", "q35",
            "-smp", str(options.smp or PROCESSORS),
            "-m", str(options.mem or default_memory(kernel)), "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", kernel.image, "-initrd", vm.path("initramfs"),
            "-serial", "file:" + vm.path("console.log"),
            "-qmp", f"unix:{vm.path('qmp')},server=on,wait=off",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci,max_ports=16"]
    if kvm_works(kernel.image):
        argv += ["-accel", "kvm", "-cpu", "host"]
    else:
        argv += ["-accel", "tcg,thread=multi", "-cpu", "max"]
    for name in ("verdict", "out"):
        argv += ["-chardev", f"file,id={name},path={vm.path(name)}",
                 "-device", f"virtserialport,chardev={name},name=zkhsm.{name}"]
    for index in range(control.SESSIONS):
        name = f"session.{index}"
        argv += ["-chardev", f"socket,id=s{index},path={vm.path(name)},server=on,wait=off",
                 "-device", f"virtserialport,chardev=s{index},name=zkhsm.{name}"]
    if options.disk:
        argv += disk_args(options.disk)
        append = ["ZKVM_DISK=1", *append]
    if options.net or options.forward_guest or options.forward_host:
        argv += network_args(options.forward_guest, options.forward_host)
        append = ["ZKVM_NET=1", *append]
    return argv + options.qemu + ["-append", " ".join(append)]
