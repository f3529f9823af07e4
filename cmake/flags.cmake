# Compiler flags, in one place. Presets choose the options; nothing else sets flags.

# The version is part of `pingap version`; the commit is read at configure time.
find_program(MOLD mold)
if(MOLD AND NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  add_link_options(-fuse-ld=mold)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld-19)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # clang's precompiled headers carry a time stamp unless told not to, and then ccache never hits.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
    # Without the header beside it, whose absolute path keeps worktrees from sharing what is cached.
    set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)
  else()
    add_compile_options(-fpch-preprocess)
  endif()
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                    -Wnon-virtual-dtor -Woverloaded-virtual -Werror
                    $<$<AND:$<CXX_COMPILER_ID:Clang>,$<CONFIG:Debug>>:-Wreserved-identifier>)
# One model for libraries and programs, so that all share the precompiled header.
add_compile_options(-fPIE)
add_link_options(-pie)
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -pthread -fno-omit-frame-pointer -fno-strict-aliasing)
add_link_options(-pthread)
add_compile_definitions(TOML_HEADER_ONLY=0 PINGAP_VERSION="${PROJECT_VERSION}")

if(PINGAP_HARDEN)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection=full
                      -ftrivial-auto-var-init=zero)
  add_compile_definitions(_FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

# What a release is optimised by: how often its code ran under the loads of the bench. Made by
# `./dev profile`; what has changed since is compiled as without it.
if(PINGAP_PROFILE)
  # Functions of one file are known by its name without its folder, wherever the tree lies.
  set(names "SHELL:-mllvm -static-func-full-module-prefix=false")
  add_compile_options("${names}")
endif()
if(PINGAP_PROFILE STREQUAL "generate")
  add_compile_options(-fprofile-generate)
  add_link_options(-fprofile-generate)
elseif(PINGAP_PROFILE STREQUAL "use")
  # By a name that changes with its contents: then everything is compiled anew, as it must be, since
  # objects that were made with different profiles cannot be linked.
  set(source ${PROJECT_SOURCE_DIR}/cmake/release.profdata)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(MD5 ${source} digest)
  set(profile ${PROJECT_BINARY_DIR}/release-${digest}.profdata)
  configure_file(${source} ${profile} COPYONLY)
  add_compile_options(-fprofile-use=${profile} -Wno-profile-instr-unprofiled
                      -Wno-profile-instr-out-of-date -Wno-backend-plugin)
endif()

if(PINGAP_SANITIZE)
  # Not vptr: its check opens a pipe, and says that any object is bad when no descriptor is left,
  # which is a state that tests bring about. Use after free is what ASan itself is for.
  add_compile_options(-fsanitize=${PINGAP_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PINGAP_SANITIZE})
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

if(PINGAP_FUZZ)
  # Everything is told to report its edges; the fuzz targets link the engine itself.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
