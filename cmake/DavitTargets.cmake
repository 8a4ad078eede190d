# The few functions with which every folder declares what it builds.
#
# A layer is an object library with its own include folder. It sees the headers of the layers it
# DEPENDS on and no others: an include against the arrows of ARCHITECTURE.md does not compile.

add_library(davit_flags INTERFACE)
target_compile_options(davit_flags INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes
    -ffp-contract=off>)
# gcc warns of outputs that are set on success only, as it cannot see that what reports a failure
# never returns DAVIT_OK; clang-tidy's analyzer looks for uninitialised reads instead.
target_compile_options(davit_flags INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
target_compile_definitions(davit_flags INTERFACE _POSIX_C_SOURCE=200809L)
if(DAVIT_WERROR)
  target_compile_options(davit_flags INTERFACE -Werror)
endif()
if(DAVIT_SANITIZE)
  target_compile_options(davit_flags INTERFACE -fsanitize=${DAVIT_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(davit_flags INTERFACE -fsanitize=${DAVIT_SANITIZE})
endif()

# davit_layer(NAME SOURCES file... [DEPENDS layer...] [LIBRARIES lib...])
#
# DEPENDS are layers whose headers this one may include; LIBRARIES are outside libraries.
function(davit_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(davit_${name} OBJECT ${arg_SOURCES})
  target_link_libraries(davit_${name} PRIVATE davit_flags)
  if(IS_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/include)
    target_include_directories(davit_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include)
  endif()
  foreach(layer IN LISTS arg_DEPENDS)
    target_include_directories(davit_${name} PUBLIC
      $<TARGET_PROPERTY:davit_${layer},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
  if(arg_LIBRARIES)
    target_link_libraries(davit_${name} PRIVATE ${arg_LIBRARIES})
    set_property(GLOBAL APPEND PROPERTY DAVIT_LIBRARIES ${arg_LIBRARIES})
  endif()
  set_property(GLOBAL APPEND PROPERTY DAVIT_LAYERS davit_${name})
endfunction()

# davit_test(NAME SOURCES file... [LABELS label...] [TIMEOUT seconds] [LIBRARIES lib...])
#
# A CMocka program linked with all layers (internal symbols included) and tests/support.
function(davit_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LABELS;LIBRARIES" ${ARGN})
  add_executable(test_${name} ${arg_SOURCES})
  target_link_libraries(test_${name} PRIVATE davit_flags davit_static davit_test_support
    ${arg_LIBRARIES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES FAIL_REGULAR_EXPRESSION "SKIPPED")
  if(arg_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT})
endfunction()
