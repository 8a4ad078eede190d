# What `cmake --install` puts down for programs that use libdavit: the library, the headers of the
# public API (davit.h and what it includes), a CMake package and a pkg-config file.

include(CMakePackageConfigHelpers)

install(TARGETS davit EXPORT davit-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES include/davit/davit.h
  ${PROJECT_SOURCE_DIR}/host/core/include/davit/allocator.h
  ${PROJECT_SOURCE_DIR}/host/core/include/davit/diagnostics.h
  ${PROJECT_SOURCE_DIR}/host/core/include/davit/precision.h
  ${PROJECT_SOURCE_DIR}/host/core/include/davit/status.h
  ${PROJECT_SOURCE_DIR}/host/core/include/davit/tensor.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/davit)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/davit)
install(EXPORT davit-targets NAMESPACE davit:: DESTINATION ${package_dir})
configure_package_config_file(davit-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/davit-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/davit-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/davit-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/davit-config-version.cmake
  DESTINATION ${package_dir})

# Relative to the file itself, so that the installed tree can be moved.
file(RELATIVE_PATH DAVIT_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(davit.pc.in davit.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/davit.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
