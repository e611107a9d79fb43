# The helper functions of the build: targets only, nothing global.

add_library(imgc_flags INTERFACE)
target_include_directories(imgc_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_definitions(imgc_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
target_compile_options(imgc_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Wvla
  -Wwrite-strings -Wcast-qual -Wconversion -Wsign-conversion -Wimplicit-fallthrough
  -fno-common -fstack-protector-strong
  $<$<BOOL:${IMGC_WERROR}>:-Werror>
  $<$<BOOL:${IMGC_COVERAGE}>:--coverage>)
target_link_options(imgc_flags INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed
  $<$<BOOL:${IMGC_COVERAGE}>:--coverage>)
if(IMGC_FUZZ)
  # The libraries too, or libFuzzer does not see what an input reaches.
  target_compile_options(imgc_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(IMGC_SANITIZE)
  set(san -fsanitize=${IMGC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(imgc_flags INTERFACE ${san})
  target_link_options(imgc_flags INTERFACE ${san})
else()
  target_compile_definitions(imgc_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()

# What gcc's -O3 says beyond debug's -Og of code that it inlined, and is not so.
set(imgc_o3_warnings -Wno-maybe-uninitialized -Wno-format-truncation)

# One static library per folder. USES are the folders it may include, LIBS its system libraries.
function(imgc_library name)
  cmake_parse_arguments(A "" "" "USES;LIBS" ${ARGN})
  file(GLOB src CONFIGURE_DEPENDS ${name}/*.c ${name}/base/*.c)
  list(REMOVE_ITEM src ${PROJECT_SOURCE_DIR}/${name}/main.c)
  if(NOT src)
    file(WRITE ${PROJECT_BINARY_DIR}/generated/empty.c "typedef int imgc_empty;\n")
    set(src ${PROJECT_BINARY_DIR}/generated/empty.c)
  endif()
  add_library(imgc_${name} STATIC ${src})
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND BUILD_TESTING)
    # Both forms: imgc is optimized as a whole, the tests are linked from ordinary objects.
    target_compile_options(imgc_${name} PRIVATE -ffat-lto-objects ${imgc_o3_warnings})
  endif()
  list(TRANSFORM A_USES PREPEND imgc_)
  target_link_libraries(imgc_${name} PUBLIC imgc_flags ${A_USES} PRIVATE ${A_LIBS})
endfunction()

# NAME_LIBRARY, what to link for the library that pkg-config found as NAME: the archive in a program
# whose property IMGC_STATIC_LIBS is on, else (and where there is no archive) the shared library. Each
# shared library costs a start of imgc a tenth of a millisecond and more (docs/performance.md).
function(imgc_into_program name)
  list(GET ${name}_LIBRARIES 0 lib)
  find_library(${name}_ARCHIVE lib${lib}.a HINTS ${${name}_LIBDIR} NO_CACHE)
  set(${name}_LIBRARY PkgConfig::${name} PARENT_SCOPE)
  if(${name}_ARCHIVE AND NOT IMGC_SANITIZE)
    set(into $<BOOL:$<TARGET_PROPERTY:IMGC_STATIC_LIBS>>)
    set(archive ${${name}_ARCHIVE} ${${name}_STATIC_LIBRARIES})
    list(REMOVE_ITEM archive ${lib})
    set(${name}_LIBRARY "$<${into}:${archive}>" "$<$<NOT:${into}>:PkgConfig::${name}>" PARENT_SCOPE)
  endif()
endfunction()

# The library that pkg-config found as NAME is not linked but loaded when it is first needed
# (schema/base/library.h): its users get its headers, and IMGC_LIBNAME, the name to load it by.
function(imgc_load_later folder name)
  list(GET ${name}_LINK_LIBRARIES 0 file)
  execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${file} OUTPUT_VARIABLE headers
    COMMAND_ERROR_IS_FATAL ANY)
  if(NOT headers MATCHES "SONAME +([^ \n]+)")
    message(FATAL_ERROR "${file} is no shared library")
  endif()
  target_compile_definitions(imgc_${folder} PRIVATE IMGC_LIB${name}="${CMAKE_MATCH_1}")
  target_include_directories(imgc_${folder} SYSTEM PUBLIC ${${name}_INCLUDE_DIRS})
  target_compile_options(imgc_${folder} PUBLIC ${${name}_CFLAGS_OTHER})
endfunction()

# Files matching GLOB become a table of {name, text} in generated/NAME.c (cmake/embed.cmake).
function(imgc_embed library glob name)
  file(GLOB inputs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${glob})
  set(out ${PROJECT_BINARY_DIR}/generated/${name}.c)
  get_filename_component(symbol ${name} NAME)
  string(REPLACE ";" "|" joined "${inputs}")
  add_custom_command(OUTPUT ${out} DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    COMMAND ${CMAKE_COMMAND} -DINPUTS=${joined} -DOUT=${out} -DSYMBOL=${symbol}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  target_sources(imgc_${library} PRIVATE ${out})
endfunction()

# Optimizing each of the many test programs as a whole takes longer than all else of a build.
function(imgc_test_program name)
  if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    set_target_properties(${name} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    target_compile_options(${name} PRIVATE ${imgc_o3_warnings})
    target_link_options(${name} PRIVATE -fno-lto)
  endif()
endfunction()

# tests/unit/FOLDER/test_NAME.c -> ctest "FOLDER/NAME"
function(imgc_unit_test folder name)
  add_executable(test_${folder}_${name} unit/${folder}/test_${name}.c ${ARGN})
  imgc_test_program(test_${folder}_${name})
  target_link_libraries(test_${folder}_${name} PRIVATE imgc_${folder} cmocka)
  target_compile_definitions(test_${folder}_${name} PRIVATE IMGC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${folder}/${name} COMMAND test_${folder}_${name})
  set_tests_properties(${folder}/${name} PROPERTIES LABELS unit SKIP_RETURN_CODE 77)
endfunction()

# tests/fuzz/fuzz_NAME.c: libFuzzer with IMGC_FUZZ, else a driver that replays the corpus.
function(imgc_fuzzer folder name)
  add_executable(fuzz_${name} fuzz/fuzz_${name}.c ${ARGN})
  imgc_test_program(fuzz_${name})
  target_link_libraries(fuzz_${name} PRIVATE imgc_${folder})
  add_dependencies(fuzzers fuzz_${name})
  if(IMGC_FUZZ)
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    set(replay -runs=0) # over the corpus only; a fuzzing session is started by hand
  else()
    target_sources(fuzz_${name} PRIVATE lib/replay.c)
  endif()
  add_test(NAME fuzz/${name} COMMAND fuzz_${name} ${replay}
           ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz-corpus)
endfunction()
