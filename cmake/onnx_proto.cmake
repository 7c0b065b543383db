# onnx_proto: the protobuf classes of the ONNX model format (src/vedette/convert/onnx.proto), which only vedette_convert includes.
set(onnx_proto_dir ${CMAKE_BINARY_DIR}/generated/onnx_proto)
add_custom_command(
  OUTPUT ${onnx_proto_dir}/onnx.pb.h ${onnx_proto_dir}/onnx.pb.cc
  COMMAND ${CMAKE_COMMAND} -E make_directory ${onnx_proto_dir}
  COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/src/vedette/convert --cpp_out=${onnx_proto_dir}
          ${CMAKE_SOURCE_DIR}/src/vedette/convert/onnx.proto
  DEPENDS ${CMAKE_SOURCE_DIR}/src/vedette/convert/onnx.proto
  VERBATIM)
add_library(onnx_proto STATIC ${onnx_proto_dir}/onnx.pb.cc ${onnx_proto_dir}/onnx.pb.h)
target_include_directories(onnx_proto SYSTEM INTERFACE ${onnx_proto_dir})
target_compile_options(onnx_proto PRIVATE -w)
target_link_libraries(onnx_proto PUBLIC protobuf::libprotobuf-lite)
