# Compiler and linker settings common to every target.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual $<$<CXX_COMPILER_ID:GNU>:-Werror>
                    -fno-omit-frame-pointer -fvisibility-inlines-hidden)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")

find_program(VEDETTE_CCACHE ccache)
if(VEDETTE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${VEDETTE_CCACHE})
endif()
find_program(VEDETTE_MOLD mold)
if(VEDETTE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(VEDETTE_SANITIZE)
  list(JOIN VEDETTE_SANITIZE "," vedette_sanitizers)
  add_compile_options(-fsanitize=${vedette_sanitizers} -fno-sanitize-recover=all -O1)
  add_link_options(-fsanitize=${vedette_sanitizers})
endif()
