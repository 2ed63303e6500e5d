"""BPF objects and their libbpf skeletons."""

def bpf_skeleton(name, src, hdrs = [], visibility = None):
    """Compiles one .bpf.c with clang and makes <name>.skel.h for it.

    Args:
      name: the cc_library with the skeleton header; include "<package>/<name>.skel.h".
      src: the .bpf.c file.
      hdrs: headers that it includes, shared with user space (fixed-width types only).
      visibility: as usual.
    """
    native.genrule(
        name = name + "_obj",
        srcs = [src] + hdrs,
        outs = [name + ".bpf.o"],
        cmd = "clang -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I. " +
              "-I/usr/include/$$(gcc -print-multiarch) -c $(execpath " + src + ") -o $@ && llvm-strip -g $@",
    )
    native.genrule(
        name = name + "_skel",
        srcs = [":" + name + "_obj"],
        outs = [name + ".skel.h"],
        cmd = "/usr/sbin/bpftool gen skeleton $(execpath :" + name + "_obj) name " + name + " > $@",
    )
    native.cc_library(
        name = name,
        hdrs = [name + ".skel.h"] + hdrs,
        visibility = visibility,
        deps = ["//tools/bazel/libs:bpf"],
    )
