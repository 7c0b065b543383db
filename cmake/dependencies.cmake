# Every library from outside, as one target each. docs/dependencies.md says why each is here and under which licence.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
add_library(sqlite3 ALIAS PkgConfig::SQLITE)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
add_library(httplib ALIAS PkgConfig::HTTPLIB)

# Debian's OpenCVConfig.cmake insists on every OpenCV module being installed; three of them are all that is needed.
foreach(module core imgproc video)
  add_library(opencv_${module} INTERFACE)
  target_include_directories(opencv_${module} SYSTEM INTERFACE /usr/include/opencv4)
  target_link_libraries(opencv_${module} INTERFACE -lopencv_${module})
endforeach()

pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET libavformat libavcodec libavutil libswscale libavdevice)
add_library(ffmpeg ALIAS PkgConfig::FFMPEG)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
add_library(turbojpeg ALIAS PkgConfig::TURBOJPEG)

# ONNX Runtime: `./dev` lays the headers and the library into .deps/onnxruntime.
set(VEDETTE_ONNXRUNTIME ${CMAKE_SOURCE_DIR}/.deps/onnxruntime CACHE PATH "Folder with ONNX Runtime's include/ and lib/")
if(NOT EXISTS ${VEDETTE_ONNXRUNTIME}/lib/libonnxruntime.so)
  message(FATAL_ERROR "ONNX Runtime is missing in ${VEDETTE_ONNXRUNTIME}: run ./dev build, which fetches it")
endif()
add_library(onnxruntime SHARED IMPORTED)
set_target_properties(onnxruntime PROPERTIES
  IMPORTED_LOCATION ${VEDETTE_ONNXRUNTIME}/lib/libonnxruntime.so
  INTERFACE_INCLUDE_DIRECTORIES ${VEDETTE_ONNXRUNTIME}/include)

if(VEDETTE_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
