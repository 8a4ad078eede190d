# cmake -DOUTPUT=file.c -DNAME=symbol -DHEADER=header.h -DFILES=a;b -P EmbedFiles.cmake
#
# Writes `const davit_embedded_file NAME[]` with the name (without extension) and the bytes, NUL
# after them, of each file, in the order given, and `const size_t NAME_count`.
set(text "#include \"${HEADER}\"\n")
set(table "")
set(count 0)
foreach(file IN LISTS FILES)
  file(READ "${file}" hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR bytes "${digits} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  get_filename_component(name "${file}" NAME_WE)
  string(APPEND text "\nstatic const unsigned char file_${count}[] = {\n${hex}0};\n")
  string(APPEND table "    {\"${name}\", file_${count}, ${bytes}},\n")
  math(EXPR count "${count} + 1")
endforeach()
string(APPEND text "\nconst davit_embedded_file ${NAME}[] = {\n${table}};\n"
  "const size_t ${NAME}_count = ${count};\n")
file(WRITE "${OUTPUT}" "${text}")
