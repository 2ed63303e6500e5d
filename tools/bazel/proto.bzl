"""Protobuf and gRPC C++ code from the system's protoc."""

def cc_proto_library(name, src, deps = [], grpc = False, visibility = None):
    """A cc_library for one .proto file in //proto.

    Args:
      name: the library.
      src: the .proto file.
      deps: cc_proto_library targets whose files this one imports.
      grpc: also make the service stubs.
      visibility: as usual.
    """
    base = src[:-len(".proto")]
    outs = [base + ".pb.h", base + ".pb.cc"]
    cmd = "protoc -I. --cpp_out=$(GENDIR)"
    if grpc:
        outs += [base + ".grpc.pb.h", base + ".grpc.pb.cc"]
        cmd += " --grpc_out=$(GENDIR) --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin"
    native.filegroup(
        name = name + "_src",
        srcs = [src] + [dep + "_src" for dep in deps],
        visibility = visibility,
    )
    native.genrule(
        name = name + "_gen",
        srcs = [":" + name + "_src"],
        outs = outs,
        cmd = cmd + " $(execpath " + src + ")",
        tools = [src],
    )
    native.cc_library(
        name = name,
        srcs = [o for o in outs if o.endswith(".cc")],
        hdrs = [o for o in outs if o.endswith(".h")],
        copts = ["-w"],
        visibility = visibility,
        deps = deps + ["//tools/bazel/libs:grpc" if grpc else "//tools/bazel/libs:protobuf"],
    )
