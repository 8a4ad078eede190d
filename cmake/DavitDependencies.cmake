# Outside libraries: each missing one is an error that names its Debian package.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# davit_need(PREFIX pkg-config-module debian-package)
function(davit_need prefix module package)
  pkg_check_modules(${prefix} IMPORTED_TARGET GLOBAL ${module})
  if(NOT ${prefix}_FOUND)
    message(FATAL_ERROR "${module} not found: apt-get install ${package}")
  endif()
endfunction()

davit_need(JANSSON jansson libjansson-dev)
davit_need(HWLOC hwloc libhwloc-dev)
davit_need(PROTOBUF_C libprotobuf-c libprotobuf-c-dev)
davit_need(LIBMD libmd libmd-dev)
davit_need(LIBPNG libpng libpng-dev)
davit_need(LIBJPEG libjpeg libjpeg-dev)

find_program(PROTOC_C protoc-c)
if(NOT PROTOC_C)
  message(FATAL_ERROR "protoc-c not found: apt-get install protobuf-c-compiler")
endif()
find_path(ONNX_PROTO_DIR onnx/onnx.proto PATHS /usr/include)
if(NOT ONNX_PROTO_DIR)
  message(FATAL_ERROR "onnx/onnx.proto not found: apt-get install libonnx-dev")
endif()

# oneDNN's own CMake package asks for OpenCL's headers, which nothing here needs: looked up by hand.
# -DDNNL_ROOT=PREFIX takes another oneDNN than the system's.
if(NOT DAVIT_BACKEND_ONEDNN MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "DAVIT_BACKEND_ONEDNN is '${DAVIT_BACKEND_ONEDNN}': use AUTO, ON or OFF")
endif()
set(DAVIT_WITH_ONEDNN OFF)
if(NOT DAVIT_BACKEND_ONEDNN STREQUAL "OFF")
  find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h HINTS ${DNNL_ROOT}/include)
  find_library(DNNL_LIBRARY dnnl HINTS ${DNNL_ROOT}/lib)
  if(DNNL_INCLUDE_DIR AND DNNL_LIBRARY)
    set(DAVIT_WITH_ONEDNN ON)
    add_library(davit_dnnl UNKNOWN IMPORTED GLOBAL)
    set_target_properties(davit_dnnl PROPERTIES
      IMPORTED_LOCATION ${DNNL_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
    message(STATUS "oneDNN: ${DNNL_LIBRARY}")
    # What is installed must find a oneDNN outside the system's folders again.
    get_filename_component(dnnl_folder ${DNNL_LIBRARY} DIRECTORY)
    if(NOT dnnl_folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
      set(CMAKE_INSTALL_RPATH ${dnnl_folder})
    endif()
  elseif(DAVIT_BACKEND_ONEDNN STREQUAL "ON")
    message(FATAL_ERROR "DAVIT_BACKEND_ONEDNN=ON but oneDNN was not found: apt-get install libdnnl-dev")
  else()
    message(STATUS "oneDNN not found (apt-get install libdnnl-dev): the cpu backend is left out")
  endif()
endif()
