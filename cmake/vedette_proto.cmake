# vedette_proto(NAME FILE [GRPC]): NAME is a library of the classes that protoc makes of a .proto file; include them as "FILE.pb.h"
# without folders. GRPC adds the services. Only the one folder whose file it is may link it.
function(vedette_proto name file)
  cmake_parse_arguments(ARG "GRPC" "" "" ${ARGN})
  set(source ${CMAKE_SOURCE_DIR}/${file})
  if(NOT EXISTS ${source})
    return()
  endif()
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(stem ${source} NAME_WE)
  set(into ${CMAKE_BINARY_DIR}/generated/${name})
  set(made ${into}/${stem}.pb.h ${into}/${stem}.pb.cc)
  set(arguments --proto_path=${folder} --cpp_out=${into})
  if(ARG_GRPC)
    list(APPEND made ${into}/${stem}.grpc.pb.h ${into}/${stem}.grpc.pb.cc)
    list(APPEND arguments --grpc_out=${into} --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
  endif()
  add_custom_command(
    OUTPUT ${made}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${into}
    COMMAND protobuf::protoc ${arguments} ${source}
    DEPENDS ${source}
    VERBATIM)
  add_library(${name} STATIC ${made})
  target_include_directories(${name} SYSTEM INTERFACE ${into})
  target_include_directories(${name} SYSTEM PRIVATE ${into})
  target_compile_options(${name} PRIVATE -w)
  if(ARG_GRPC)
    target_link_libraries(${name} PUBLIC gRPC::grpc++ protobuf::libprotobuf)
  else()
    target_link_libraries(${name} PUBLIC protobuf::libprotobuf-lite)
  endif()
endfunction()
