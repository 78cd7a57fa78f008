# cmake -DIN=file -DOUT=file.c -P Bytes.cmake: the price table as an array of bytes.
file(READ "${IN}" hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR length "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE "${OUT}" "#include \"mapping/prices/price.h\"\nconst unsigned char nv_prices_csv[] = {${bytes}0};\n"
  "const size_t nv_prices_csv_len = ${length};\n")
